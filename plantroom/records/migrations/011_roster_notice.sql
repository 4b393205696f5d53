-- One more reason of a page: `roster`, a change of who is on duty. The rows stay as they are, so only the check in the schema is written
-- anew, as SQLite's own documentation has it (lang_altertable.html, 7): a table of five years of pages is not copied for a word. The index
-- makes other connections read the schema anew.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (reason IN (', 'CHECK (reason IN (''roster'', ') WHERE type = 'table' AND name = 'outbox';
CREATE INDEX outbox_roster ON outbox (created_ns) WHERE reason = 'roster';
PRAGMA writable_schema = RESET;
