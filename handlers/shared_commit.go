package handlers

import "github.com/clatterhq/clatter/logstore"

// sharedCommit is the commit of appends to several partitions that begins when all of them are there. Where there is more than one log
// directory, and where a commit was under way, there are several; each begins when the next one comes.
type sharedCommit struct{ latest logstore.Commit }

func (s *sharedCommit) add(c logstore.Commit) {
	if s.latest != nil && s.latest != c {
		s.latest.Begin()
	}
	s.latest = c
}

func (s *sharedCommit) begin() {
	if s.latest != nil {
		s.latest.Begin()
	}
}
