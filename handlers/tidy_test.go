package handlers

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

func TestTableIsSortedAndUnique(t *testing.T) {
	for i := 1; i < len(table); i++ {
		if table[i-1].api.Key >= table[i].api.Key {
			t.Errorf("%s is not behind %s", table[i].api.Name, table[i-1].api.Name)
		}
	}
}

func TestTableHoldsWhatTheWireServes(t *testing.T) {
	wanted := wire.APIs()
	wantEqual(t, "APIs", len(table), len(wanted))
	for i, api := range wanted {
		wantEqual(t, "API", table[i].api, api)
		if table[i].handle == nil {
			t.Errorf("%s has no handler", api.Name)
		}
	}
}

func TestTableIsWithinTheCodec(t *testing.T) {
	for _, s := range table {
		req := kmsg.RequestForKey(s.api.Key)
		if req == nil || s.api.MaxVersion > req.MaxVersion() || s.api.MinVersion < 0 {
			t.Errorf("%s %d-%d isn't in the codec", s.api.Name, s.api.MinVersion, s.api.MaxVersion)
		}
	}
}

var capital = regexp.MustCompile(`([a-z])([A-Z])`)

// fileOf is the name of an API in snake case.
func fileOf(name string) string {
	return strings.ToLower(capital.ReplaceAllString(name, "${1}_${2}"))
}

func TestEveryAPIHasAFileAndATest(t *testing.T) {
	for _, s := range table {
		name := fileOf(s.api.Name)
		code, err := os.ReadFile(name + ".go")
		if err != nil {
			t.Error(err)
			continue
		}
		header, _, _ := strings.Cut(string(code), "package handlers")
		for _, want := range []string{s.api.Name + " (key " + itoa(int(s.api.Key)) + "), version", "KIP-", "absent:"} {
			if !strings.Contains(header, want) {
				t.Errorf("%s.go doesn't open with %q", name, want)
			}
		}
		versions := "version " + itoa(int(s.api.MinVersion))
		if s.api.MaxVersion > s.api.MinVersion {
			versions = "versions " + itoa(int(s.api.MinVersion)) + "-" + itoa(int(s.api.MaxVersion))
		}
		if !strings.Contains(header, versions) {
			t.Errorf("%s.go doesn't say %q", name, versions)
		}
		tests, err := os.ReadFile(name + "_test.go")
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(tests), "\nfunc Test") {
			t.Errorf("%s_test.go has no test", name)
		}
	}
}

// sentinels finds the exported errors of a package by its source: variables named Err… .
func sentinels(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source in %s: %v", dir, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, spec := range gen.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if strings.HasPrefix(name.Name, "Err") {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestEverySentinelHasACode(t *testing.T) {
	mapped := map[string]bool{}
	code, err := os.ReadFile("errcode.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\{(\w+\.Err\w+), wire\.`).FindAllStringSubmatch(string(code), -1) {
		mapped[m[1]] = true
	}
	for name, dir := range map[string]string{
		"logstore": "../logstore", "record": "../wire/record", "catalog": "../broker/catalog", "configdef": "../broker/configdef",
	} {
		for _, sentinel := range sentinels(t, dir) {
			if !mapped[name+"."+sentinel] {
				t.Errorf("%s.%s has no code", name, sentinel)
			}
		}
	}
	for _, s := range sentinelCodes {
		wantCode(t, s.err.Error(), int16(errorCode(s.err)), s.code)
		if s.code == wire.None || s.code == wire.UnknownServerError {
			t.Errorf("%v: %s", s.err, s.code)
		}
	}
}

func TestErrorTypesHaveCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code wire.ErrorCode
	}{
		{nil, wire.None},
		{&logstore.NotLeaderError{Leader: 2}, wire.NotLeaderOrFollower},
		{&logstore.CorruptError{Err: errors.New("bad")}, wire.CorruptMessage},
		{fmt.Errorf("%w: %w", logstore.ErrOffline, &logstore.CorruptError{Err: errors.New("bad")}), wire.KafkaStorageError},
		{&record.InvalidError{Kind: record.KindCorrupt}, wire.CorruptMessage},
		{&record.InvalidError{Kind: record.KindInvalidRecord}, wire.InvalidRecord},
		{&record.InvalidError{Kind: record.KindInvalidTimestamp}, wire.InvalidTimestamp},
		{&record.InvalidError{Kind: record.KindUnsupportedCodec}, wire.UnsupportedCompressionType},
		{&record.InvalidError{Kind: record.KindTooLarge, Err: record.ErrDecompressedTooLarge}, wire.MessageTooLarge},
		{&record.InvalidError{Kind: record.KindUnreadable, Err: record.ErrUndecodable}, wire.InvalidRecord},
		{&config.Error{Kind: config.InvalidConfig}, wire.InvalidConfig},
		{&config.Error{Kind: config.InvalidRequest}, wire.InvalidRequest},
		{&config.Error{Kind: config.InvalidTopic}, wire.InvalidTopicException},
		{&config.Error{Kind: config.UnknownServerError}, wire.UnknownServerError},
		{errors.New("anything else"), wire.UnknownServerError},
	} {
		if got := errorCode(c.err); got != c.code {
			t.Errorf("%v: %s, want %s", c.err, got, c.code)
		}
	}
}
