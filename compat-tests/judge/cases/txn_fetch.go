package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// txnFetchCases are about what readers of transactions see.
func txnFetchCases(b *book) {
	for _, v := range versions(4, 18) {
		txnFetchEveryVersion(b, v)
	}
	txnFetchAborted(b)
	txnFetchWaits(b)
	for _, v := range versions(1, 11) {
		txnListOffsets(b, v)
	}
}

// ended makes a transaction of x that wrote records to partition 0 of t and ended; x is at the epoch before and then at the next one.
func ended(epoch int16, commit bool, vs ...string) []script.Step {
	o := owner(1, epoch)
	return steps(did(txnProduce(12, o, 0, vs...)), did(endTxn(5, o, commit)), completed())
}

func txnFetchEveryVersion(b *book, v int16) {
	with := func(what string, parts ...any) {
		b.inTxn("Fetch", v)("txn/"+what, append([]any{topic("t", 2), initialized()}, parts...)...)
	}
	committed := func(offset int64) script.Ask { return ask(fetch(v, "t", 0, offset, committedOnly)) }
	all := func(offset int64) script.Ask { return ask(fetch(v, "t", 0, offset)) }
	with("open", wrote("t", 0, plain("p")), did(txnProduce(12, owner(1, 0), 0, "a")), wrote("t", 0, plain("q")), committed(0), all(0), committed(1), committed(2), all(2))
	with("committed", ended(0, true, "a", "b"), committed(0), all(0), committed(1), committed(2), committed(3), committed(4))
	with("aborted", ended(0, false, "a", "b"), committed(0), all(0), committed(1), committed(2), committed(3))
	with("committed-then-aborted-then-open", ended(0, true, "a"), ended(1, false, "b"), did(txnProduce(12, owner(1, 2), 0, "c")), committed(0), all(0), committed(2), committed(4))
}

func txnFetchAborted(b *book) {
	for _, v := range []int16{4, 12, 18} {
		with := func(what string, parts ...any) {
			b.inTxn("Fetch", v)("txn/aborted/"+what, append([]any{topic("t", 2), initialized()}, parts...)...)
		}
		committed := func(offset int64, options ...fetchOptions) script.Ask {
			return ask(fetch(v, "t", 0, offset, append([]fetchOptions{committedOnly}, options...)...))
		}
		three := steps(ended(0, false, "a"), ended(1, false, "b"), ended(2, false, "c"))
		with("three", three, committed(0), committed(2), committed(3), committed(5), committed(6))
		with("limited", three, committed(0, maxBytes(1, 1)), committed(2, maxBytes(1, 1)), committed(0, maxBytes(160, 160)))
		with("sorted-by-first-offset", initialized(initID("~y")), did(txnProduce(12, owner(1, 0), 0, "a")), did(txnProduce(12, owner(2, 0).of("~y"), 0, "b")), did(endTxn(5, owner(2, 0).of("~y"), false)), txnIs("~y", "CompleteAbort"),
			did(endTxn(5, owner(1, 0), false)), completed(), committed(0), committed(1), committed(2))
		with("behind-an-open-one", initialized(initID("~y")), did(txnProduce(12, owner(1, 0), 0, "a")), did(txnProduce(12, owner(2, 0).of("~y"), 0, "b")), did(endTxn(5, owner(2, 0).of("~y"), false)), txnIs("~y", "CompleteAbort"),
			committed(0), committed(1), ask(fetch(v, "t", 0, 0)))
		with("deleted-records", three, deletedBefore(3), committed(3), committed(4), committed(0))
		with("other-partition", three, ask(fetch(v, "t", 1, 0, committedOnly)))
	}
}

func isolated(_ *script.Run, req *kmsg.ListOffsetsRequest) { req.IsolationLevel = 1 }

// waitsLong makes a fetch wait for a byte.
func waitsLong(_ *script.Run, req *kmsg.FetchRequest) { req.MaxWaitMillis = longestWait }

// longestWait is a time limit of fetches that is over only where nothing woke them.
const longestWait = 8000

// txnFetchWaits is about fetches that are woken when the last stable offset moves, and only then.
func txnFetchWaits(b *book) {
	for _, v := range []int16{4, 12, 18} {
		with := func(what string, parts ...any) {
			b.inTxn("Fetch", v)("txn/waits/"+what, append([]any{topic("t", 2), initialized()}, parts...)...)
		}
		waiting := on(3, send(ask(fetch(v, "t", 0, 0, committedOnly, waitsLong))))
		with("woken-by-a-commit", did(txnProduce(12, owner(1, 0), 0, "a")), waiting, endTxn(5, owner(1, 0), true), script.Receive{Conn: 3})
		with("woken-by-an-abort", did(txnProduce(12, owner(1, 0), 0, "a")), waiting, endTxn(5, owner(1, 0), false), script.Receive{Conn: 3})
		with("woken-by-fencing", did(txnProduce(12, owner(1, 0), 0, "a")), waiting, initTxn(5), script.Receive{Conn: 3})
	}
}

func txnListOffsets(b *book, v int16) {
	with := func(what string, parts ...any) {
		b.inTxn("ListOffsets", v)("txn/"+what, append([]any{topic("t", 2), initialized()}, parts...)...)
	}
	at := func(timestamp int64) script.Ask { return ask(listOffsets(v, "t", 0, timestamp)) }
	committed := func(timestamp int64) script.Ask { return ask(listOffsets(v, "t", 0, timestamp, isolated)) }
	open := steps(wrote("t", 0, plain("p")), did(txnProduce(12, owner(1, 0), 0, "a")), wrote("t", 0, plain("q")))
	with("open", open, at(-1), committed(-1), at(-2), committed(-2), committed(1), at(1))
	with("open-by-time", wrote("t", 0, timed(100)), did(txnProduceTo(12, owner(1, 0), "t", 0, batch{records: values("a"), first: 200, attributes: transactional, producer: &producer{number: 1}})), wrote("t", 0, timed(300)),
		at(100), committed(100), at(150), committed(150), at(250), committed(250))
	with("committed", ended(0, true, "a"), at(-1), committed(-1), committed(-2))
	with("aborted", ended(0, false, "a"), at(-1), committed(-1), committed(-2))
	if v >= 7 {
		with("open-max-timestamp", open, at(-3), committed(-3))
	}
}
