-- What an item was at 08:00 of that day (K-1): '' where it came into service later, NULL before 08:00 and on days of an older release.
ALTER TABLE item_time ADD COLUMN at_eight TEXT CHECK (at_eight IN ('', 'usable', 'faulted', 'unknown'));
CREATE INDEX clock_due ON clock (due_ns);             -- figures ask for the limits of a period
