package cases

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
)

// metadata asks for topics by name, never creating one. No names: an empty list.
func metadata(version int16, names ...string) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrMetadataRequest()
		req.Version = version
		req.Topics = []kmsg.MetadataRequestTopic{}
		for _, name := range names {
			req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &name})
		}
		return req
	}
}

// metadataWith changes a metadata request.
func metadataWith(build func(*script.Run) kmsg.Request, change func(r *script.Run, req *kmsg.MetadataRequest)) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := build(r)
		if md, ok := req.(*kmsg.MetadataRequest); ok {
			change(r, md)
		}
		return req
	}
}

func creating(_ *script.Run, req *kmsg.MetadataRequest) { req.AllowAutoTopicCreation = true }

// hasLeaders holds once all topics of a metadata answer exist and their partitions have leaders.
func hasLeaders(resp kmsg.Response) bool {
	answer, ok := resp.(*kmsg.MetadataResponse)
	if !ok {
		return false
	}
	for _, t := range answer.Topics {
		if t.ErrorCode != 0 || len(t.Partitions) == 0 {
			return false
		}
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return false
			}
		}
	}
	return true
}

func metadataCases(b *book) {
	for _, v := range versions(0, 13) {
		metadataEveryVersion(b, v)
		b.in("strict", func() {
			b.add("Metadata", v, "auto-create-disabled", ask(metadataWith(metadata(v, "~new"), creating)), ask(metadata(v, "~new")))
		})
		b.in("defaults", func() {
			b.add("Metadata", v, "auto-create-with-broker-defaults", until(ask(metadataWith(metadata(v, "~new"), creating)), hasLeaders))
		})
	}
	for _, v := range []int16{10, 11, 12, 13} {
		metadataByID(b, v)
	}
}

func metadataEveryVersion(b *book, v int16) {
	api := "Metadata"
	all := metadataWith(metadata(v), func(_ *script.Run, req *kmsg.MetadataRequest) { req.Topics = nil })
	// With version 0 a missing topic is always created, so what is asked for first is noted too.
	b.add(api, v, "one", topic("t", 2), ask(metadata(v, "~t")))
	b.add(api, v, "two", topic("t", 1), topic("u", 3), ask(metadata(v, "~u", "~t")))
	b.add(api, v, "all", topic("t", 1), topic("u", 1), ask(all))
	b.add(api, v, "empty-list", topic("t", 1), ask(metadata(v)))
	b.add(api, v, "same-topic-twice", topic("t", 1), ask(metadata(v, "~t", "~t")))
	b.add(api, v, "unknown-topic", ask(metadata(v, "~missing")))
	b.add(api, v, "known-and-unknown", topic("t", 1), ask(metadata(v, "~t", "~missing")))
	b.add(api, v, "auto-create", until(ask(metadataWith(metadata(v, "~new"), creating)), hasLeaders))
	b.add(api, v, "auto-create-first-answer", ask(metadataWith(metadata(v, "~new"), creating)))
	for _, bad := range badTopicNames {
		if bad.what != "empty" && bad.what != "space" && v != 1 && v != 4 && v != 13 {
			continue // The rules for names don't depend on the version.
		}
		b.add(api, v, "name/"+bad.what, ask(metadata(v, bad.name)), ask(metadataWith(metadata(v, bad.name), creating)))
	}
	b.add(api, v, "name-that-collides", topic("a.b", 1), ask(metadataWith(metadata(v, "~a_b"), creating)))
	b.add(api, v, "authorized-operations", topic("t", 1), ask(metadataWith(metadata(v, "~t"), func(_ *script.Run, req *kmsg.MetadataRequest) {
		req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = true, true
	})))
}

// badTopicNames are names that no topic may have.
var badTopicNames = []struct{ what, name string }{
	{"empty", ""},
	{"dot", "."},
	{"dot-dot", ".."},
	{"space", "a b"},
	{"slash", "a/b"},
	{"colon", "a:b"},
	{"not-ascii", "zażółć"},
	{"newline", "a\nb"},
	{"nul", "a\x00b"},
	{"250-characters", strings.Repeat("n", 250)},
}

func metadataByID(b *book, v int16) {
	byID := func(id func(r *script.Run) [16]byte, name *string) func(r *script.Run) kmsg.Request {
		return metadataWith(metadata(v), func(r *script.Run, req *kmsg.MetadataRequest) {
			req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{TopicID: id(r), Topic: name})
		})
	}
	known := func(r *script.Run) [16]byte { return r.TopicID("t") }
	unknown := func(*script.Run) [16]byte { return transcript.UnknownID }
	zero := func(*script.Run) [16]byte { return [16]byte{} }
	api := "Metadata"
	b.add(api, v, "id/known", topic("t", 1), ask(byID(known, nil)))
	b.add(api, v, "id/unknown", ask(byID(unknown, nil)))
	b.add(api, v, "id/zero", ask(byID(zero, nil)))
	b.add(api, v, "id/known-with-name", topic("t", 1), ask(byID(known, new("~t"))))
	b.add(api, v, "id/known-with-other-name", topic("t", 1), topic("u", 1), ask(byID(known, new("~u"))))
	b.add(api, v, "id/unknown-with-name", topic("t", 1), ask(byID(unknown, new("~t"))))
	b.add(api, v, "id/known-and-by-name", topic("t", 1), topic("u", 1), ask(metadataWith(byID(known, nil), func(_ *script.Run, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: new("~u")})
	})))
	b.add(api, v, "id/known-and-unknown", topic("t", 1), ask(metadataWith(byID(known, nil), func(_ *script.Run, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{TopicID: transcript.UnknownID})
	})))
	b.add(api, v, "id/twice", topic("t", 1), ask(metadataWith(byID(known, nil), func(_ *script.Run, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, req.Topics[0])
	})))
	b.add(api, v, "id/of-a-deleted-topic", topic("t", 1), deleted("t"), gone("t"), ask(byID(known, nil)))
}
