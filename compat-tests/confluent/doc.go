// Package confluent runs librdkafka through confluent-kafka for Python, unmodified, at the version of requirements.txt.
package confluent
