-- A checkpoint a second is more than anybody asks for later: of an hour that is over, the
-- last one stays. It covers all that the others covered, and the rule is kept here.

DROP TRIGGER stays_as_it_is ON log_checkpoint;
CREATE TRIGGER stays_as_it_is BEFORE UPDATE OR TRUNCATE ON log_checkpoint
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_what_is_recorded();

CREATE FUNCTION refuse_to_lose_the_last_checkpoint_of_an_hour() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    its_hour timestamptz := date_trunc('hour', OLD.signed_at, 'UTC');
BEGIN
    IF its_hour + interval '1 hour' <= now() AND EXISTS (
        SELECT FROM log_checkpoint WHERE key = OLD.key AND size > OLD.size
        AND signed_at >= its_hour AND signed_at < its_hour + interval '1 hour')
    THEN
        RETURN OLD;
    END IF;
    RAISE insufficient_privilege USING MESSAGE =
        format('the checkpoint of size %s is the last one of its hour', OLD.size);
END
$$;
CREATE TRIGGER last_of_its_hour_stays BEFORE DELETE ON log_checkpoint
FOR EACH ROW EXECUTE FUNCTION refuse_to_lose_the_last_checkpoint_of_an_hour();

GRANT DELETE ON log_checkpoint TO clawbot_signer;
