package formats_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/ports"
)

const rtf = "application/rtf"

func TestRichText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{\rtf1\ansi Hello {\b world}\par next\line line}`:                                            "Hello world\nnext\nline",
		`{\rtf1\ansi\ansicpg1252 Gr\'fc\'dfe \emdash  \u8364?\~x}`:                                    "Grüße — €\u00a0x",
		`{\rtf1\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}`:                                                "Привет",
		`{\rtf1{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset128 MS Mincho;}}\f1\'93\'fa\'96\'7b\f0 x}`: "日本x",
		`{\rtf1\uc1\u-10179 ?\u-8704 ?}`:                                                              "😀",
		`{\rtf1\uc2\u228 ae\u246 \'6f\'65x}`:                                                          "äöx",
		`{\rtf1 a\cell b\cell\row c}`:                                                                 "a\tb\nc",
		`{\rtf1 a{\*\unknown hidden}{\pict 0102}{\stylesheet s;}b}`:                                   "ab",
		`{\rtf1 a{\field{\*\fldinst HYPERLINK "x"}{\fldrslt link}}}`:                                  "alink",
		`{\rtf1{\*\shpinst{\sp{\sn n}{\sv v}}{\shptxt box}}}`:                                         "box",
		"{\\rtf1 a\\bin3 }}}b}":                                                                       "ab",
		`{\rtf1 a\bin99999999999999 b}`:                                                               "a",
		`{\rtf1 \{\}\\ }`:                                                                             `{}\ `,
		`{\rtf1 a}trailing`:                                                                           "a",
		`{\rtf1 cut\'`:                                                                                "cut",
	} {
		if got := mustRead(t, rtf, []byte(in)); got.Text != want {
			t.Errorf("%s: %q, want %q", in, got.Text, want)
		}
	}
	got := mustRead(t, rtf, []byte(`{\rtf1{\info{\title The \'c4rger}{\author Zo\u235 e}{\operator nobody}{\creatim\yr2024\mo5\dy17\hr9\min30}{\revtim\yr2024\mo13\dy1}}text}`))
	want := formats.About{Title: "The Ärger", Author: "Zoë", Created: time.Date(2024, 5, 17, 9, 30, 0, 0, time.UTC)}
	if got.Text != "text" || got.About != want {
		t.Errorf("text %q, about %+v", got.Text, got.About)
	}
	_, err := reader(formats.Limits{}).Read(rtf, []byte(`{\rtf1`+strings.Repeat("{", 100_000)))
	mustReason(t, err, ports.ReasonTooComplex)
	_, err = reader(formats.Limits{}).Read(rtf, []byte("no rich text"))
	mustReason(t, err, ports.ReasonCorrupt)
}

func TestXML(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<?xml version="1.0"?><a xmlns="urn:x" id="7"><b currency="EUR">10</b><c>two words</c></a>`: "7\nEUR 10\ntwo words",
		`<!DOCTYPE a [<!ENTITY e "expanded">]><a>&e; &amp;</a>`:                                     "&e; &",
		`<a><!-- a comment --><![CDATA[<raw>]]></a>`:                                                "<raw>",
		"<?xml version=\"1.0\" encoding='ISO-8859-1'?><a>\xfc</a>":                                  "ü",
		"<a>not < well-formed": "<a>not < well-formed",
	} {
		if got := mustRead(t, "application/xml", []byte(in)); got.Text != want {
			t.Errorf("%s: %q, want %q", in, got.Text, want)
		}
	}
	_, err := reader(formats.Limits{}).Read("application/xml", []byte(strings.Repeat("<a>", 1000)))
	mustReason(t, err, ports.ReasonTooComplex)
}

func TestPageSaysAboutItself(t *testing.T) {
	t.Parallel()
	got := mustRead(t, "text/html", []byte(`<html lang="en-GB"><head><title>A
		<b>title</b></title><meta name=Author content="Zo&euml;"></head><body><svg><title>no</title></svg>text`))
	if want := (formats.About{Title: "A <b>title</b>", Author: "Zoë", Language: "en-GB"}); got.About != want {
		t.Errorf("about %+v", got.About)
	}
	long := mustRead(t, "text/html", []byte("<title>"+strings.Repeat("e\u0301", 2000)+"</title><html lang='no tag'>"))
	if long.Title != strings.Repeat("é", ports.MaxTitle) || long.Language != "" {
		t.Errorf("a title of %d bytes, language %q", len(long.Title), long.Language)
	}
}
