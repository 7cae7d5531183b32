package catalog

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"strconv"
)

// featuresKey is the key of the meta bucket for features. It isn't there while nobody has changed any.
const featuresKey = "features"

// Features are the levels of features that somebody has set (KIP-584). They never change.
type Features struct {
	levels map[string]int16
	// Changes is how often levels were changed.
	Changes int64
}

// Level is the level that was set of a feature; false if none was.
func (f Features) Level(name string) (int16, bool) {
	level, ok := f.levels[name]
	return level, ok
}

// Features are the levels of features that were set instead of those that a new cluster has.
func (i *Image) Features() Features { return i.features }

// AlterFeatures sets levels of features: fn is given what is set and returns what is to be set besides, or an error, which AlterFeatures
// returns. No other change comes between. fn runs once, may run in another goroutine, and must be quick.
//
// Errors: that of fn; those of every change.
func (c *Catalog) AlterFeatures(ctx context.Context, fn func(current Features) (map[string]int16, error)) error {
	return c.do(ctx, &operation{apply: func(d *draft) error {
		levels, err := fn(d.features)
		if err == nil && len(levels) > 0 {
			d.setFeatures(levels)
		}
		return err
	}})
}

func (d *draft) setFeatures(levels map[string]int16) {
	f := Features{levels: make(map[string]int16, len(levels)), Changes: d.features.Changes + 1}
	maps.Copy(f.levels, d.features.levels)
	maps.Copy(f.levels, levels)
	d.features = f
	d.write(bucketMeta, []byte(featuresKey), encodeMeta(featuresKey, f.encode()))
}

func (f Features) encode() []byte {
	levels := make(map[string]string, len(f.levels))
	for name, level := range f.levels {
		levels[name] = strconv.Itoa(int(level))
	}
	return appendMap(binary.AppendUvarint(nil, uint64(f.Changes)), levels)
}

// decodeFeatures reads what encode wrote.
func decodeFeatures(b []byte) (Features, error) {
	r := reader{rest: b}
	f := Features{Changes: int64(r.uvarint()), levels: map[string]int16{}}
	levels := r.texts()
	if err := r.end(); err != nil || f.Changes < 0 {
		return Features{}, errRecordForm
	}
	for name, text := range levels {
		level, err := strconv.ParseInt(text, 10, 16)
		if err != nil {
			return Features{}, fmt.Errorf("%w: level of %s", errRecordForm, name)
		}
		f.levels[name] = int16(level)
	}
	return f, nil
}
