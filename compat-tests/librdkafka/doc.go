// Package librdkafka runs librdkafka of 2018, unmodified: the shared libraries that the first wheels of confluent-kafka brought along,
// driven through their C interface by programs of ours (rdkafka.py), because the Python part of these wheels needs a Python of that time.
// It has no idempotence, no transactions, no static members and no zstd, and speaks the first versions of the group protocol.
// Package confluent has the newest one.
package librdkafka
