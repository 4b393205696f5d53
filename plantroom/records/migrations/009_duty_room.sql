-- A radio call: who heard it and entered it; who goes stands in accepted_by and arrived_by.
ALTER TABLE work_order ADD COLUMN radio_by TEXT;
ALTER TABLE work_order ADD COLUMN arrived_how TEXT;   -- 'qr': from the label at the machine; 'duty_room': entered there; NULL: entered by who arrived
