-- What was entered on a phone without reception: the phone's own time beside the instant that counts.
ALTER TABLE command ADD COLUMN phone_json TEXT;      -- {"entered_ns", "received_ns", "counts", "why", "contact_ns", ...}; NULL = entered as it was sent
ALTER TABLE work_order ADD COLUMN phone_json TEXT;   -- by state (accepted, arrived, restored): {"entered_ns", "received_ns", "counts"}
ALTER TABLE order_note ADD COLUMN phone_json TEXT;   -- {"entered_ns", "received_ns", "counts"}
