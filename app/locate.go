package app

import (
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// elsewhere is the error of a document whose bytes another backend keeps, as after a change of STORAGE_BACKEND: Unavailable,
// for they are not lost, only out of this program's reach. It is nil if they are here.
func elsewhere(doc domain.Document, here ports.StorageBackend) error {
	if doc.Backend == here.Name() {
		return nil
	}
	return domain.Errorf(domain.Unavailable, "the bytes of this document are stored elsewhere: in %q, and this vault reads %q", doc.Backend, here.Name()).Because(storedElsewhere)
}

const storedElsewhere = "stored_elsewhere"

// badKey is the reason of a document whose row holds no key of D-06's shape. Python writes keys by the same rule, so the row is
// damaged: its bytes may well be there, and only mending the row leads to them.
const badKey = "object_key_damaged"

// keyDamage is the error of such a document, with the code that suits the caller.
func keyDamage(code domain.Code) error {
	return domain.Errorf(code, "the record of where this document's bytes are is damaged").Because(badKey)
}
