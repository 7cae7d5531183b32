package cases

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// fetchSessions is KIP-227. Versions 7 to 12 name topics, later ones give ids; the rules are the same.
func fetchSessions(b *book, v int16) {
	if v != 7 && v != 12 && v != 18 {
		// Between these only the header and unrelated fields changed.
		b.add("Fetch", v, "session/starts-and-goes-on", topic("t", 1), wrote("t", 0, plain("a")),
			ask(fetch(v, "t", 0, 0, session(0, 0))), ask(fetch(v, "t", 0, 1, session(1, 1))))
		return
	}
	start := []script.Step{topic("t", 2), topic("u", 1), wrote("t", 0, plain("a")), ask(fetch(v, "t", 0, 0, alsoFetch("t", 1, 0), session(0, 0)))}
	with := func(what string, steps ...script.Step) {
		b.add("Fetch", v, "session/"+what, append(append([]script.Step{}, start...), steps...)...)
	}
	next := func(epoch int32, options ...fetchOptions) script.Ask {
		return ask(emptyFetch(v, append([]fetchOptions{session(1, epoch)}, options...)...))
	}
	with("nothing-new-is-left-out", ask(fetch(v, "t", 0, 1, session(1, 1))), next(2))
	with("same-data-again-while-not-advanced", next(1), next(2))
	with("new-data-appears", ask(fetch(v, "t", 0, 1, session(1, 1))), wrote("t", 1, plain("b")), next(2), wrote("t", 0, plain("c")), next(3))
	with("partition-added", wrote("u", 0, plain("d")), ask(fetch(v, "u", 0, 0, session(1, 1))))
	with("partition-added-without-data-is-shown-once", ask(fetch(v, "u", 0, 0, session(1, 1))), next(2))
	with("partition-forgotten", ask(fetch(v, "t", 0, 1, session(1, 1))), next(2, forget("t", 1)), wrote("t", 1, plain("e")), next(3))
	with("forget-what-is-not-there", next(1, forget("u", 0), forget("t", 9)))
	with("forget-and-ask-at-once", ask(fetch(v, "t", 0, 0, session(1, 1), forget("t", 0))))
	with("forget-everything", next(1, forget("t", 0, 1)), next(2))
	with("error-is-shown-again", ask(fetch(v, "t", 7, 0, session(1, 1))), next(2))
	with("out-of-range-is-shown-again", ask(fetch(v, "t", 0, 50, session(1, 1))), next(2))
	with("epoch-too-old", next(1), next(1))
	with("epoch-too-new", next(5), next(1))
	with("epoch-0-with-id-starts-anew", ask(fetch(v, "t", 0, 0, session(1, 0))), next(1))
	with("epoch-minus-1-with-id-closes", ask(fetch(v, "t", 0, 0, session(1, -1))), next(1))
	with("epoch-minus-2", next(-2))
	with("closed-by-empty-request", next(-1), next(1))
	with("unknown-id", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.SessionID, req.SessionEpoch = 2147483600, 1 })))
	with("id-0-epoch-1", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.SessionID, req.SessionEpoch = 0, 1 })))
	with("negative-id", ask(fetch(v, "t", 0, 0, func(_ *script.Run, req *kmsg.FetchRequest) { req.SessionID, req.SessionEpoch = -5, 1 })))
	with("from-another-connection", on(2, next(1)))
	with("log-start-moves", ask(fetch(v, "t", 0, 1, session(1, 1))), deletedBefore(1), next(2), next(3))
	with("high-watermark-moves", ask(fetch(v, "t", 0, 1, session(1, 1), func(_ *script.Run, req *kmsg.FetchRequest) { req.Topics[0].Partitions[0].PartitionMaxBytes = 0 })),
		wrote("t", 0, plain("f")), next(2))
	with("waits-for-data", on(3, send(ask(fetch(v, "t", 0, 1, session(1, 1), wait(5000, 1))))), wrote("t", 0, plain("g")), script.Receive{Conn: 3}, next(2))
	b.add("Fetch", v, "session/without-partitions-is-none", ask(emptyFetch(v, session(0, 0))))
	b.add("Fetch", v, "session/starts-with-an-error", topic("t", 1), ask(fetch(v, "t", 3, 0, session(0, 0))), next(1))
}

// fetchSessionsOfTwoVersions begins a session with names and goes on with ids, and the other way around.
func fetchSessionsOfTwoVersions(b *book) {
	start := []script.Step{topic("t", 1), wrote("t", 0, plain("a"))}
	with := func(first, second int16, what string, steps ...script.Step) {
		b.add("Fetch", second, "session/"+what, append(append([]script.Step{}, start...), append([]script.Step{ask(fetch(first, "t", 0, 0, session(0, 0)))}, steps...)...)...)
	}
	with(12, 13, "began-with-names", ask(fetch(13, "t", 0, 0, session(1, 1))), ask(emptyFetch(13, session(1, 1))))
	with(12, 13, "began-with-names-and-asks-for-nothing", ask(emptyFetch(13, session(1, 1))))
	with(13, 12, "began-with-ids", ask(fetch(12, "t", 0, 0, session(1, 1))), ask(emptyFetch(12, session(1, 1))))
	with(13, 12, "began-with-ids-and-asks-for-nothing", ask(emptyFetch(12, session(1, 1))))
	with(7, 11, "began-with-an-older-version", ask(fetch(11, "t", 0, 1, session(1, 1))))
}

// limitCases meet small limits of the broker.
func limitCases(b *book) {
	b.in("limits", func() {
		long := plain(strings.Repeat("x", 600))
		prepared := []script.Step{topic("t", 2), wrote("t", 0, long, long), wrote("t", 1, long)}
		for _, v := range []int16{4, 18} {
			b.add("Fetch", v, "limit/fetch.max.bytes", append(append([]script.Step{}, prepared...), ask(fetch(v, "t", 0, 0, alsoFetch("t", 1, 0))))...)
		}
	})
}
