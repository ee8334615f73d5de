-- The two logs: the event store's tables, made here so that rights can be given with them.
-- Nobody may change or delete an event: no process role has UPDATE or DELETE.
CREATE TABLE fleet_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigserial,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX fleet_events_notification_id_idx ON fleet_events (notification_id);

CREATE TABLE calls_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigserial,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX calls_events_notification_id_idx ON calls_events (notification_id);

-- Which proxies live, by this database's clock, and from where in the calls log on their
-- open calls are found (the position of the oldest, or of the last thing they wrote).
CREATE TABLE call_lease (
    process_id uuid PRIMARY KEY,
    ends_at timestamptz NOT NULL,
    open_since bigint NOT NULL
);

-- What was answered to a write that carried an Idempotency-Key. `response` is sealed.
CREATE TABLE idempotency (
    scope text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    response bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, key)
);

GRANT SELECT ON fleet_events, calls_events
    TO clawbot_api, clawbot_proxy, clawbot_projector, clawbot_worker;
GRANT INSERT ON fleet_events TO clawbot_api, clawbot_worker;
GRANT USAGE ON SEQUENCE fleet_events_notification_id_seq TO clawbot_api, clawbot_worker;
GRANT INSERT ON calls_events TO clawbot_proxy, clawbot_projector;
GRANT USAGE ON SEQUENCE calls_events_notification_id_seq TO clawbot_proxy, clawbot_projector;
GRANT SELECT, INSERT, UPDATE ON call_lease TO clawbot_proxy;
GRANT SELECT, UPDATE, DELETE ON call_lease TO clawbot_projector;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency TO clawbot_api;
