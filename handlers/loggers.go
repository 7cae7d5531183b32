package handlers

import (
	"log/slog"

	"github.com/clatterhq/clatter/broker/config"
)

// Levels of Kafka's loggers that slog has no name for.
const (
	levelTrace = slog.LevelDebug - 4
	levelFatal = slog.LevelError + 4
)

// loggers is what clients can see and set of the log (KIP-412): one logger, whose level is that
// of the whole broker until it stops.
type loggers struct {
	level *slog.LevelVar // nil if nobody can change it
}

// levels are the loggers by name with their levels, in Kafka's words.
func (l loggers) levels() map[string]string {
	level := slog.LevelInfo
	if l.level != nil {
		level = l.level.Level()
	}
	name := "FATAL"
	switch {
	case level <= levelTrace:
		name = "TRACE"
	case level <= slog.LevelDebug:
		name = "DEBUG"
	case level <= slog.LevelInfo:
		name = "INFO"
	case level <= slog.LevelWarn:
		name = "WARN"
	case level <= slog.LevelError:
		name = "ERROR"
	}
	return map[string]string{config.RootLogger: name}
}

// set takes new levels over, which have been checked.
func (l loggers) set(levels map[string]string) {
	if l.level == nil {
		return
	}
	switch levels[config.RootLogger] {
	case "TRACE":
		l.level.Set(levelTrace)
	case "DEBUG":
		l.level.Set(slog.LevelDebug)
	case "INFO":
		l.level.Set(slog.LevelInfo)
	case "WARN":
		l.level.Set(slog.LevelWarn)
	case "ERROR":
		l.level.Set(slog.LevelError)
	case "FATAL":
		l.level.Set(levelFatal)
	}
}
