// Package exactlyonce breaks things around transactions.
package exactlyonce
