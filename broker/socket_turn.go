//go:build !linux

package broker

// waitTurn waits for turn to be closed.
func (c *conn) waitTurn(turn <-chan struct{}) error { return c.waitTurnBlindly(turn) }
