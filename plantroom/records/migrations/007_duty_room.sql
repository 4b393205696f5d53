-- What became of a page after its channel took it, where the other side says so. Accepted, delivered, read and acknowledged are four things.
ALTER TABLE outbox ADD COLUMN delivered_ns INTEGER;   -- it is known to have come where the person is
ALTER TABLE outbox ADD COLUMN read_ns INTEGER;        -- somebody said that they heard or read it; that accepts no order
ALTER TABLE outbox ADD COLUMN read_by TEXT;           -- a person's id, or screen:<id> of a duty room

-- A radio call: who heard it and entered it; who goes stands in accepted_by and arrived_by.
ALTER TABLE work_order ADD COLUMN radio_by TEXT;
ALTER TABLE work_order ADD COLUMN arrived_how TEXT;   -- 'qr': from the label at the machine; 'duty_room': entered there; NULL: entered by who arrived
