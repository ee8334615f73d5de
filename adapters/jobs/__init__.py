"""Work that is done later, by the worker process, and at least once.

* `broker.py`: where messages wait: RabbitMQ, or the database itself
* `reached.py`: whether RabbitMQ is there
* `queue.py`: how a job is asked for
* `actors.py`: what each job does
* `webhook_turns.py`, `webhook_sender.py`: how webhooks are posted to, and what
* `sweeper.py`: asks again for what was asked for and is not done
"""
