// UpdateFeatures (key 57), versions 0-2.
//
// 0 KIP-584; 1 kinds of updates, and checks without an update (KIP-778); 2 no results of single features.
//
// Knowingly absent: levels of other features than transaction.version can't be set. Those of groups and of metadata stand for what this
// broker can do.

package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/wire"
)

// Kinds of updates (FeatureUpdate.UpgradeType).
const (
	featureUpgrade         = 1
	featureSafeDowngrade   = 2
	featureUnsafeDowngrade = 3
)

func (d *Dispatcher) updateFeatures(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.UpdateFeaturesRequest)
	resp := r.ResponseKind().(*kmsg.UpdateFeaturesResponse)
	before := map[string]int16{}
	err := d.deps.Catalog.AlterFeatures(ctx, func(current catalog.Features) (map[string]int16, error) {
		levels := make(map[string]int16, len(r.FeatureUpdates))
		for i := range r.FeatureUpdates {
			u := &r.FeatureUpdates[i]
			if err := checkFeatureUpdate(u, current, d.nodeID, r.Version); err != nil {
				return nil, err
			}
			levels[u.Feature] = u.MaxVersionLevel
			before[u.Feature] = featureNamed(u.Feature).level(current)
		}
		if r.ValidateOnly {
			return nil, nil
		}
		return levels, nil
	})
	if refused, ok := errors.AsType[featureError](err); ok {
		resp.ErrorCode = int16(wire.InvalidUpdateVersion)
		resp.ErrorMessage = new("The update failed for all features since the following feature had an error: " + refused.Error())
		return answer(resp)
	}
	if err == nil && !r.ValidateOnly {
		d.logFeatures(r, before)
	}
	code := errorCode(err)
	resp.ErrorCode = int16(code)
	if code != wire.None {
		resp.ErrorMessage = new(code.Message())
	} else if r.Version <= 1 {
		for _, u := range r.FeatureUpdates {
			resp.Results = append(resp.Results, kmsg.UpdateFeaturesResponseResult{Feature: u.Feature})
		}
	}
	return answer(resp)
}

// logFeatures tells which levels have changed.
func (d *Dispatcher) logFeatures(r *kmsg.UpdateFeaturesRequest, before map[string]int16) {
	for i := range r.FeatureUpdates {
		u := &r.FeatureUpdates[i]
		if before[u.Feature] != u.MaxVersionLevel {
			d.deps.Log.Info("feature level changed", "feature", u.Feature, "from", before[u.Feature], "to", u.MaxVersionLevel)
		}
	}
}

// featureError says why a level can't be set.
type featureError string

func (e featureError) Error() string { return string(e) }

// checkFeatureUpdate refuses a level that can't be set (FeatureControlManager.updateFeature).
func checkFeatureUpdate(u *kmsg.UpdateFeaturesRequestFeatureUpdate, current catalog.Features, nodeID int32, version int16) error {
	refuse := func(format string, args ...any) error {
		return featureError(fmt.Sprintf("Invalid update version %d for feature %s. ", u.MaxVersionLevel, u.Feature) + fmt.Sprintf(format, args...))
	}
	kind := u.UpgradeType
	if version == 0 {
		kind = featureUpgrade
		if u.AllowDowngrade {
			kind = featureSafeDowngrade
		}
	}
	if kind < featureUpgrade || kind > featureUnsafeDowngrade {
		return refuse("The controller does not support the given upgrade type.")
	}
	if u.MaxVersionLevel < 0 {
		return refuse("A feature version cannot be less than 0.")
	}
	f := featureNamed(u.Feature)
	if f == nil {
		return refuse("Local controller %d does not support this feature.", nodeID)
	}
	level := f.level(current)
	switch {
	case u.MaxVersionLevel < f.min || u.MaxVersionLevel > f.max:
		return refuse("Local controller %d only supports versions %d-%d", nodeID, f.min, f.max)
	case u.MaxVersionLevel < level && kind == featureUpgrade:
		return refuse("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
	case u.MaxVersionLevel > level && kind != featureUpgrade:
		return refuse("Can't downgrade to a newer version.")
	case u.MaxVersionLevel != level && !f.settable:
		return refuse("This broker keeps the feature at version %d.", level)
	}
	return nil
}

func featureNamed(name string) *feature {
	for i := range features {
		if features[i].name == name {
			return &features[i]
		}
	}
	return nil
}
