package app

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// LinkSigner makes and checks the tokens of time-limited links. Every replica with the same secret accepts the others' tokens.
//
// A token is base64url, without padding, of: version (1 byte, 1), owner (16), document (16), expiry (8, Unix seconds,
// big-endian), and HMAC-SHA256 over all of that (32).
type LinkSigner struct{ key []byte }

const (
	linkVersion = 1
	linkPayload = 1 + 16 + 16 + 8
	linkLength  = linkPayload + sha256.Size
)

// NewLinkSigner derives the signing key from the installation's secret by HKDF (D-16). An empty secret is an error.
func NewLinkSigner(secret string) (*LinkSigner, error) {
	if secret == "" {
		return nil, fmt.Errorf("the secret for signed links is empty")
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "docuvault signed links v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key for signed links: %w", err)
	}
	return &LinkSigner{key: key}, nil
}

// Sign makes a token for the document that is good until expires, to the second.
func (s *LinkSigner) Sign(owner domain.Owner, id domain.DocumentID, expires time.Time) string {
	token := make([]byte, 0, linkLength)
	token = append(token, linkVersion)
	token = append(token, owner[:]...)
	token = append(token, id[:]...)
	token = binary.BigEndian.AppendUint64(token, uint64(expires.Unix()))
	return base64.RawURLEncoding.EncodeToString(s.mac(token))
}

// Verify returns what a token leads to. A token that was not signed by us is Forbidden, an old one too, with reason "expired".
func (s *LinkSigner) Verify(token string, now time.Time) (domain.Owner, domain.DocumentID, error) {
	var owner domain.Owner
	var id domain.DocumentID
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != linkLength || raw[0] != linkVersion || !hmac.Equal(raw, s.mac(raw[:linkPayload:linkPayload])) {
		return owner, id, domain.Errorf(domain.Forbidden, "this link is not valid; ask for a new one").Because("bad_link")
	}
	if expires := binary.BigEndian.Uint64(raw[33:linkPayload]); uint64(now.Unix()) >= expires {
		return owner, id, domain.Errorf(domain.Forbidden, "this link has expired; ask for a new one").Because("expired")
	}
	copy(owner[:], raw[1:17])
	copy(id[:], raw[17:33])
	return owner, id, nil
}

// mac returns payload with its signature appended.
func (s *LinkSigner) mac(payload []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(payload)
	return h.Sum(payload)
}
