-- Two instances may do the same within one microsecond. ClickHouse keeps the first of two inserts with one token; by its mark each of them sees whose that is.
ALTER TABLE second_factor_codes ADD COLUMN IF NOT EXISTS mark String COMMENT 'Random: tells apart two who show one code at once';
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS mark String COMMENT 'Random: tells apart two changes that are made at once';
