"""The ledger (台账, L-1..L-4) as property managers keep it: sheets in, checked, joined with the site file, and out again.

grid      bytes of a file -> cells, bounded        dates, intervals   what a cell says of time
headings  which column is which                    reading            cells -> entries, and every problem of every row
joining   entries -> equipment of a site           writing, drafting  a site -> a sheet, a sheet -> a site file
"""
