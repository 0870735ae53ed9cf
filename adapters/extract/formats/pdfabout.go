package formats

import (
	"strings"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// pdfAbout reads the document information dictionary (ISO 32000-1, 14.3.3) and the catalog's language. What cannot be read is
// left out.
func pdfAbout(instance pdfium.Pdfium, document references.FPDF_DOCUMENT) About {
	info := func(tag string) string {
		got, err := instance.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: document, Tag: tag})
		if err != nil {
			return ""
		}
		return got.Value
	}
	about := About{Title: info("Title"), Author: info("Author"), Created: pdfTime(info("CreationDate")), Modified: pdfTime(info("ModDate"))}
	if got, err := instance.FPDFCatalog_GetLanguage(&requests.FPDFCatalog_GetLanguage{Document: document}); err == nil {
		about.Language = got.Language
	}
	return about
}

// pdfTime reads a date as PDF writes it (7.9.4): D:YYYYMMDDHHmmSSOHH'mm', everything after the year optional.
func pdfTime(s string) time.Time {
	s = strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(s), "D:"), "'", "")
	if before, _, ok := strings.Cut(s, "Z"); ok {
		s = before
	}
	for _, layout := range []string{"20060102150405-0700", "20060102150405-07", "20060102150405", "200601021504", "2006010215", "20060102", "200601", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// maxRemarks is how many annotations of one page are looked at.
const maxRemarks = 1000

// pdfRemarks returns what people wrote into notes and marks on a page, a line each. It stands beside the page, not on it, so that
// flattening does not show it. It also reports whether there are annotations of any kind, form fields included.
func pdfRemarks(instance pdfium.Pdfium, page requests.Page) (remarks string, annotated bool) {
	counted, err := instance.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: page})
	if err != nil {
		return "", true
	}
	var lines []string
	for i := range min(counted.Count, maxRemarks) {
		got, err := instance.FPDFPage_GetAnnot(&requests.FPDFPage_GetAnnot{Page: page, Index: i})
		if err != nil {
			continue
		}
		if text := strings.TrimSpace(pdfRemark(instance, got.Annotation)); text != "" {
			lines = append(lines, text)
		}
		if _, err := instance.FPDFPage_CloseAnnot(&requests.FPDFPage_CloseAnnot{Annotation: got.Annotation}); err != nil {
			break
		}
	}
	return strings.Join(lines, "\n"), counted.Count > 0
}

func pdfRemark(instance pdfium.Pdfium, annotation references.FPDF_ANNOTATION) string {
	kind, err := instance.FPDFAnnot_GetSubtype(&requests.FPDFAnnot_GetSubtype{Annotation: annotation})
	if err != nil {
		return ""
	}
	switch kind.Subtype {
	case enums.FPDF_ANNOT_SUBTYPE_TEXT, enums.FPDF_ANNOT_SUBTYPE_HIGHLIGHT, enums.FPDF_ANNOT_SUBTYPE_UNDERLINE,
		enums.FPDF_ANNOT_SUBTYPE_SQUIGGLY, enums.FPDF_ANNOT_SUBTYPE_STRIKEOUT, enums.FPDF_ANNOT_SUBTYPE_CARET,
		enums.FPDF_ANNOT_SUBTYPE_LINE, enums.FPDF_ANNOT_SUBTYPE_SQUARE, enums.FPDF_ANNOT_SUBTYPE_CIRCLE,
		enums.FPDF_ANNOT_SUBTYPE_POLYGON, enums.FPDF_ANNOT_SUBTYPE_POLYLINE, enums.FPDF_ANNOT_SUBTYPE_INK,
		enums.FPDF_ANNOT_SUBTYPE_FILEATTACHMENT:
	default: // shown on the page, or a link
		return ""
	}
	got, err := instance.FPDFAnnot_GetStringValue(&requests.FPDFAnnot_GetStringValue{Annotation: annotation, Key: "Contents"})
	if err != nil {
		return ""
	}
	return got.Value
}
