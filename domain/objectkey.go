package domain

import (
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// ObjectKey names an object in storage: {owner}/{document}/{uuid4}{ext} (D-06). It is only ever built from ids, never taken
// from a request, and of the file's name nothing but a short plain extension survives. The zero ObjectKey names nothing.
type ObjectKey struct{ s string }

var (
	plainExtension = regexp.MustCompile(`^\.[a-z0-9]{1,16}$`)
	keyShape       = regexp.MustCompile(`^` + uuidShape + `/` + uuidShape + `/` + uuid4Shape + `(\.[a-z0-9]{1,16})?$`)
)

const (
	uuidShape  = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
	uuid4Shape = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}` // RFC 9562, version 4
)

// NewObjectKey builds the key of a new object of a document. The tail is a fresh UUIDv4, so that keys cannot be guessed and a
// stored object is never overwritten; a UUID of any other version or variant, the nil UUID too, makes the zero key, under
// which nothing can be stored.
func NewObjectKey(owner Owner, doc DocumentID, tail uuid.UUID, name FileName) ObjectKey {
	if tail.Version() != 4 || tail.Variant() != uuid.RFC4122 {
		return ObjectKey{}
	}
	return ObjectKey{owner.String() + "/" + doc.String() + "/" + tail.String() + Extension(string(name))}
}

// NewThumbnailKey builds the key of a document's thumbnail, which is a JPEG: a derived object is named like any other.
func NewThumbnailKey(owner Owner, doc DocumentID, tail uuid.UUID) ObjectKey {
	return NewObjectKey(owner, doc, tail, "thumbnail.jpg")
}

// modelExtension ends the keys of models and, with the nil document before it, tells them from documents' objects.
const modelExtension = ".model"

// NewModelKey builds the key of a model of what an owner's documents are filed under: {owner}/{nil UUID}/{uuid4}.model. It
// belongs to no document. The tail is as NewObjectKey's.
func NewModelKey(owner Owner, tail uuid.UUID) ObjectKey {
	return NewObjectKey(owner, DocumentID{}, tail, modelExtension)
}

// ModelPrefix is what the keys of all models of an owner begin with.
func ModelPrefix(owner Owner) string { return owner.String() + "/" + DocumentID{}.String() + "/" }

// ParseObjectKey reads a key that NewObjectKey, or the Python side by the same rule, once built and that came back from a row
// or a listing. Anything of another shape is Invalid, a tail that is no UUIDv4 included.
func ParseObjectKey(s string) (ObjectKey, error) {
	if !keyShape.MatchString(s) {
		return ObjectKey{}, Errorf(Invalid, "not an object key of this vault")
	}
	return ObjectKey{s}, nil
}

// Extension returns the lower-cased last suffix of a file name if it is a dot and 1 to 16 of a-z and 0-9, else "".
func Extension(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return ""
	}
	ext := strings.ToLower(name[dot:])
	if !plainExtension.MatchString(ext) {
		return ""
	}
	return ext
}

// String returns the key as storage knows it.
func (k ObjectKey) String() string { return k.s }

// IsZero reports whether the key names nothing.
func (k ObjectKey) IsZero() bool { return k.s == "" }

// IsModel reports whether NewModelKey built the key.
func (k ObjectKey) IsModel() bool {
	return !k.IsZero() && k.Document() == DocumentID{} && strings.HasSuffix(k.s, modelExtension)
}

// Owner returns whose object it is.
func (k ObjectKey) Owner() Owner {
	if k.IsZero() {
		return Nobody
	}
	return Owner(uuid.MustParse(k.s[:36]))
}

// Document returns the document the object belongs to, the zero id for a model.
func (k ObjectKey) Document() DocumentID {
	if k.IsZero() {
		return DocumentID{}
	}
	return DocumentID(uuid.MustParse(k.s[37:73]))
}
