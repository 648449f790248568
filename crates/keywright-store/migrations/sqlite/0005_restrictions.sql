-- What restricts a key besides addresses, as JSON; NULL = nothing, as for most keys.
ALTER TABLE keys ADD COLUMN restrictions TEXT;
