-- The worker writes into a bot's workspace which models of which vendors its keys lead to.
GRANT SELECT ON key_ring TO clawbot_worker;
CREATE POLICY worker_sees_all ON key_ring FOR SELECT TO clawbot_worker USING (true);
