-- What is told of a page after its provider took it. Accepted (attempt), delivered, read and acknowledged are four different states.
CREATE TABLE receipt (
  outbox     TEXT NOT NULL,               -- the page; a receipt may come when a rebuild no longer holds its row
  seq        INTEGER NOT NULL,            -- of the record that told it
  at_ns      INTEGER NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('held', 'delivered', 'undelivered', 'read', 'acknowledged')),
  -- held: the provider's limit makes it wait; delivered, undelivered: the provider's own receipt; read: its person pressed its button, and
  -- somebody else had the order; acknowledged: its person accepted by it, or answered the test
  text       TEXT NOT NULL,               -- the provider's own words
  PRIMARY KEY (outbox, seq)
) STRICT, WITHOUT ROWID;

-- T3: whether any provider has taken what was last sent about an order.
ALTER TABLE call ADD COLUMN asked_ns INTEGER;                        -- the first page since which no provider took one; NULL: none was sent
ALTER TABLE call ADD COLUMN taken_ns INTEGER;                        -- when a provider last took one
ALTER TABLE call ADD COLUMN widened INTEGER NOT NULL DEFAULT 0;      -- how often since asked_ns the next channels were taken as well
