-- Parts are merged when more of about one size have come together: each row is written anew less often, which is most of the work of the
-- server while a backlog flows in; in exchange there are some more parts.
ALTER TABLE events MODIFY SETTING merge_selector_base = 12;
