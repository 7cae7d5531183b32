package handlers

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func featureRequest(version int16, name string, level int16, kind int8) *kmsg.UpdateFeaturesRequest {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.Version = version
	u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	u.Feature, u.MaxVersionLevel, u.UpgradeType, u.AllowDowngrade = name, level, kind, kind > featureUpgrade
	req.FeatureUpdates = append(req.FeatureUpdates, u)
	return req
}

// level is the finalized level of transaction.version, and the epoch of all features, as ApiVersions tells them.
func (b *testBroker) level() (level int16, epoch int64) {
	b.t.Helper()
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = 4, "test", "1"
	resp := ask[*kmsg.ApiVersionsResponse](b, req)
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" {
			level = f.MaxVersionLevel
		}
	}
	return level, resp.FinalizedFeaturesEpoch
}

func TestUpdateFeaturesInEveryVersion(t *testing.T) {
	b := newTestBroker(t)
	var lines bytes.Buffer
	b.dispatcher.deps.Log = slog.New(slog.NewTextHandler(&lines, nil))
	_, first := b.level()
	for _, v := range versionsOf(t, wire.KeyUpdateFeatures) {
		for _, step := range []struct {
			level int16
			kind  int8
		}{{1, featureSafeDowngrade}, {0, featureSafeDowngrade}, {2, featureUpgrade}} {
			req := featureRequest(v, "transaction.version", step.level, step.kind)
			_, before := b.level()
			if v > 0 {
				req.ValidateOnly = true
				wantCode(t, "check", ask[*kmsg.UpdateFeaturesResponse](b, req).ErrorCode, wire.None)
				if _, epoch := b.level(); epoch != before {
					t.Error("a check changes something")
				}
				req.ValidateOnly = false
			}
			resp := ask[*kmsg.UpdateFeaturesResponse](b, req)
			wantCode(t, "answer", resp.ErrorCode, wire.None)
			wantEqual(t, "results", len(resp.Results), map[bool]int{true: 1, false: 0}[v <= 1])
			level, epoch := b.level()
			wantEqual(t, "level", level, step.level)
			wantEqual(t, "epoch", epoch, before+1)
			wantEqual(t, "level for transactions", transactionVersion(b.catalog.Image()), step.level)
		}
	}
	_, last := b.level()
	wantEqual(t, "changes", last-first, 9)
	wantEqual(t, "lines of changes", strings.Count(lines.String(), "feature level changed"), 9)
	wantEqual(t, "lines of the last kind", strings.Count(lines.String(), "feature=transaction.version from=0 to=2"), 3)
}

func TestUpdateFeaturesRefuses(t *testing.T) {
	b := newTestBroker(t)
	for _, c := range []struct {
		what, name string
		level      int16
		kind       int8
		message    string
	}{
		{"unknown feature", "nonsense.version", 1, featureUpgrade, "does not support this feature"},
		{"level too high", "transaction.version", 3, featureUpgrade, "only supports versions 0-2"},
		{"negative level", "transaction.version", -1, featureSafeDowngrade, "cannot be less than 0"},
		{"lower as an upgrade", "transaction.version", 1, featureUpgrade, "Can't downgrade the version"},
		{"unknown kind", "transaction.version", 1, 0, "does not support the given upgrade type"},
		{"level that this broker keeps", "group.version", 0, featureUnsafeDowngrade, "keeps the feature at version 1"},
	} {
		resp := ask[*kmsg.UpdateFeaturesResponse](b, featureRequest(2, c.name, c.level, c.kind))
		wantCode(t, c.what, resp.ErrorCode, wire.InvalidUpdateVersion)
		if resp.ErrorMessage == nil || !strings.Contains(*resp.ErrorMessage, c.message) {
			t.Errorf("%s: %v", c.what, resp.ErrorMessage)
		}
	}
	if level, _ := b.level(); level != 2 {
		t.Errorf("level %d", level)
	}
	wantCode(t, "the level that is set", ask[*kmsg.UpdateFeaturesResponse](b, featureRequest(2, "group.version", 1, featureUpgrade)).ErrorCode, wire.None)
	wantCode(t, "a higher level as a downgrade",
		ask[*kmsg.UpdateFeaturesResponse](b, featureRequest(2, "transaction.version", 1, featureUnsafeDowngrade)).ErrorCode, wire.None)
	wantCode(t, "a higher level as a downgrade",
		ask[*kmsg.UpdateFeaturesResponse](b, featureRequest(2, "transaction.version", 2, featureUnsafeDowngrade)).ErrorCode, wire.InvalidUpdateVersion)
}
