package domain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/domain"
)

func asError(err error, target **domain.Error) bool { return errors.As(err, target) }

func TestErrorsCarryTheirCodeThroughWrapping(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp 10.0.0.7: password=hunter2")
	err := fmt.Errorf("store: %w", domain.Wrap(domain.Unavailable, cause, "storage is down"))
	if domain.ErrorCode(err) != domain.Unavailable || !errors.Is(err, cause) {
		t.Errorf("code %q of %v", domain.ErrorCode(err), err)
	}
	if got := domain.ErrorMessage(err); got != "storage is down" {
		t.Errorf("message %q", got)
	}
	if domain.ErrorCode(nil) != "" || domain.ErrorCode(cause) != domain.Internal {
		t.Error("codes of nil and of a foreign error")
	}
	for _, err := range []error{cause, domain.Wrap(domain.Internal, cause, "the insides"), domain.Wrap(domain.Unavailable, cause, "")} {
		if got := domain.ErrorMessage(err); strings.Contains(got, "hunter2") || strings.Contains(got, "insides") {
			t.Errorf("message %q shows internals", got)
		}
	}
}

func TestWrappingNilStaysNil(t *testing.T) {
	t.Parallel()
	if err := domain.Wrap(domain.Internal, nil, "a failing commit must not be born here"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestEveryCodeHasAVerdict(t *testing.T) {
	t.Parallel()
	retry := map[domain.Code]bool{domain.Internal: true, domain.Unavailable: true, domain.Canceled: true}
	seen := make(map[domain.Code]bool)
	for _, code := range domain.Codes() {
		if seen[code] {
			t.Errorf("%s is listed twice", code)
		}
		seen[code] = true
		if code.Retryable() != retry[code] {
			t.Errorf("retryable(%s) = %t", code, code.Retryable())
		}
	}
}

func TestDigestsHaveOneForm(t *testing.T) {
	t.Parallel()
	const hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got, err := domain.ParseDigest(hex); err != nil || got.String() != hex || got.IsZero() {
		t.Errorf("%s, %v", got, err)
	}
	for _, s := range []string{"", "x", hex[:62], hex + "00", strings.ToUpper(hex), strings.Repeat("0", 64), hex[:63] + "g"} {
		if got, err := domain.ParseDigest(s); domain.ErrorCode(err) != domain.Malformed || !got.IsZero() {
			t.Errorf("%q is the digest %s, error %v", s, got, err)
		}
	}
	if zero := (domain.Digest{}); zero.String() != "" || !zero.IsZero() {
		t.Errorf("what is not known reads %q", zero)
	}
}

func TestIDsHaveOneForm(t *testing.T) {
	t.Parallel()
	const id = "01890a5d-ac96-774b-bcce-b302099a8057"
	if got, err := domain.ParseDocumentID(id); err != nil || got.String() != id {
		t.Errorf("%s, %v", got, err)
	}
	for _, s := range []string{"", "x", "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), id + " ", "01890a5d-ac96-774b-bcce-b302099a805g"} {
		_, doc := domain.ParseDocumentID(s)
		_, topic := domain.ParseTopicID(s)
		_, folder := domain.ParseFolderID(s)
		for _, err := range []error{doc, topic, folder} {
			if domain.ErrorCode(err) != domain.Malformed {
				t.Errorf("%q: got %v, want malformed", s, err)
			}
		}
	}
}
