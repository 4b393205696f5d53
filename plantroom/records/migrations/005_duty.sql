-- What a channel took without knowing what became of it is no more than that.
ALTER TABLE attempt ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1;   -- 0: accepted by what may not know whether it was delivered
