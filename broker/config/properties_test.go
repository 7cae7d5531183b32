package config

import (
	"strings"
	"testing"
)

// What java.util.Properties.load made of each text; → parts name and value.
func TestPropertiesAreReadAsJavaReadsThem(t *testing.T) {
	for text, want := range map[string]string{
		"a=1": "a→1", "a:1": "a→1", "a 1": "a→1", " \t a = 1 ": "a→1 ", "a": "a→", "a=": "a→", "=b": "→b", "a==b": "a→=b", "a = = b": "a→= b",
		`a\=b=c`: "a=b→c", `a\:b\ c=d`: "a:b c→d", "k\t:\tv": "k→v", "\f a=b": "a→b", `a\tb=c`: "a\tb→c",
		"a=b\\\n  c": "a→bc", "a=b\\\\\nc=d": "a→b\\|c→d", "a=b\\\r\n  c\r\nd=e": "a→bc|d→e", "a=b\rc=d": "a→b|c→d",
		"#x\n!y\n  # z\na=1": "a→1", "a=#1": "a→#1", "a=b\\\n#c\nd=e": "a→b#c|d→e",
		`a=\t\n\r\f\q\\`: "a→\t\n\r\fq\\", `a=\u0041\u00e9`: "a→Aé",
		"a=1\na=2": "a→1|a→2", `a=b\`: "a→b", "a=b\\\n": "a→b", "a\\\nb=c": "ab→c", "\\\na=b": "a→b", "a=b\\\n\\\nc=d": "a→bc=d",
		"a=${HOME}": "a→${HOME}", "a=${": "a→${", "a=b \\\n \n c=d": "a→b |c→d", "a=b\\\n   \\\n  c": "a→bc", "a=b\\\n\nc=d": "a→b|c→d",
		"": "", "\n\n": "", "\ufeffa=b": "a→b",
	} {
		all, err := parseProperties(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []string
		for _, p := range all {
			got = append(got, p.name+"→"+p.value)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %q", text, strings.Join(got, "|"), want)
		}
	}
}

func TestMalformedUnicodeNamesItsLine(t *testing.T) {
	for _, text := range []string{`a=\u00zz`, `a=\u00`, `\uzzzz=1`} {
		if _, err := parseProperties("x=1\n" + text); err == nil || !strings.HasPrefix(err.Error(), "line 2:") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzProperties(f *testing.F) {
	for _, seed := range []string{"a=1", "a\\\n b:c", `\u0041=\t`, "#\n!", "\\", "a=\\\r\n", "\r\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseProperties(text)
		if err != nil {
			return
		}
		for _, p := range all {
			if len(p.name)+len(p.value) > len(text) || p.line < 1 {
				t.Fatalf("%q became %+v", text, p)
			}
		}
	})
}
