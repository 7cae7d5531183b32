package config

import (
	"slices"
	"strings"

	"github.com/clatterhq/clatter/broker/configdef"
)

// rule is one condition between broker keys that holds whenever the broker runs. The
// text is Kafka's (KafkaConfig.validateValues): clients see it when they break a rule
// with IncrementalAlterConfigs.
type rule struct {
	key    string // which is to blame, or one of its family that is set
	holds  func(v *values) bool
	text   string
	detail func(v *values) string // ends the text; nil adds nothing
}

// rules are those of Kafka's that concern keys that are honoured here, or that a
// client can change.
var rules = []rule{
	consumerAssignorsRule,
	{
		key: nodeIDKey,
		holds: func(v *values) bool {
			return get[int32](v, nodeIDKey) == get[int32](v, brokerIDKey)
		},
		text: "`node.id` and `broker.id` must be set to the same value",
	},
	{
		key: "log.retention.ms",
		holds: func(v *values) bool {
			ms := topicDefault(v, configdef.Topic.Lookup("retention.ms")).(int64)
			return ms >= 1 || ms == -1
		},
		text: "log.retention.ms must be unlimited (-1) or, greater than or equal to 1",
	},
	{
		key: "log.cleaner.dedupe.buffer.size",
		holds: func(v *values) bool {
			threads := max(1, int64(get[int32](v, "log.cleaner.threads")))
			return get[int64](v, "log.cleaner.dedupe.buffer.size")/threads > 1<<20
		},
		text: "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.",
	},
	{
		key:    "cordoned.log.dirs",
		holds:  func(v *values) bool { return len(unknownCordoned(v)) == 0 },
		text:   "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : ",
		detail: func(v *values) string { return strings.Join(unknownCordoned(v), ", ") },
	},
	{
		key: "queued.max.request.bytes",
		holds: func(v *values) bool {
			queued := get[int64](v, "queued.max.request.bytes")
			return queued <= 0 || queued >= int64(get[int32](v, "socket.request.max.bytes"))
		},
		text: "queued.max.request.bytes must be larger or equal to socket.request.max.bytes",
	},
	{
		key: "max.connections.per.ip",
		holds: func(v *values) bool {
			return get[int32](v, "max.connections.per.ip") != 0 || configdef.Trim(get[string](v, perIPKey)) != ""
		},
		text: "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.",
	},
	{
		key: "connection.failed.authentication.delay.ms",
		holds: func(v *values) bool {
			idle := get[int64](v, "connections.max.idle.ms")
			return idle < 0 || int64(get[int32](v, "connection.failed.authentication.delay.ms")) < idle
		},
		text: "connection.failed.authentication.delay.ms should always be less than connections.max.idle.ms to prevent failed authentication responses from timing out",
	},
	offsetsCodecRule,
}

// checkRules names the first rule that is broken.
func checkRules(v *values) error {
	for _, r := range rules {
		if r.holds(v) {
			continue
		}
		text := r.text
		if r.detail != nil {
			text += r.detail(v)
		}
		blamed := r.key
		for _, relative := range family(r.key) {
			if v.raw(relative) != nil {
				blamed = relative
				break
			}
		}
		bad := badValue(blamed, v.shown(blamed), text)
		bad.kafka = "requirement failed: " + text
		return bad
	}
	return nil
}

// unknownCordoned are the cordoned directories that are no directories of the broker.
// A star stands for all of them.
func unknownCordoned(v *values) []string {
	return slices.DeleteFunc(get[[]string](v, "cordoned.log.dirs"), func(dir string) bool {
		return dir == "*" || slices.Contains(logDirs(v), dir)
	})
}
