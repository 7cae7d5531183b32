package group

import "github.com/clatterhq/clatter/wire"

var _ anyGroup = (*classicGroup)(nil)

func (g *classicGroup) groupID() string    { return g.id }
func (g *classicGroup) kind() string       { return kindClassic }
func (g *classicGroup) stateName() string  { return g.state.String() }
func (g *classicGroup) listedType() string { return g.protocolType }
func (g *classicGroup) isEmpty() bool      { return g.state == classicEmpty }

func (g *classicGroup) checkCommit(by *committer) wire.ErrorCode {
	return g.validateCommit(by)
}

// checkFetch lets anybody fetch: only consumer groups know members that do.
func (g *classicGroup) checkFetch(*string, int32) wire.ErrorCode {
	if g.state == classicDead {
		return wire.GroupIDNotFound
	}
	return wire.None
}

// checkOffsetDelete wants a group that is empty, or consumers, whose subscriptions say more.
func (g *classicGroup) checkOffsetDelete() wire.ErrorCode {
	switch {
	case g.state == classicDead:
		return wire.GroupIDNotFound
	case g.state != classicEmpty && g.protocolType != consumerProtocolType:
		return wire.NonEmptyGroup
	}
	return wire.None
}

func (g *classicGroup) checkDelete() wire.ErrorCode {
	switch g.state {
	case classicDead:
		return wire.GroupIDNotFound
	case classicEmpty:
		return wire.None
	default:
		return wire.NonEmptyGroup
	}
}

func (g *classicGroup) tombstones() []Record { return []Record{&MetadataRecord{Group: g.id}} }
