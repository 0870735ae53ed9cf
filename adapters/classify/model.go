package classify

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// A model's bytes; all numbers are little-endian, floats are IEEE 754 in 32 bits:
//
//	"DVTM"            4 bytes
//	version           uint16: 1
//	basis             32 bytes
//	terms             uint32: how many
//	topics            uint32: how many
//	for each term, in order of their bytes, none twice:
//	    length        uint8: 1 to 32
//	    term          that many bytes
//	    rarity        float32: above 0
//	for each topic, in order of their ids, none twice:
//	    id            16 bytes
//	    kind          uint8: 1 learnt from people's decisions, 2 from texts that match its name and description
//	    bias          float32
//	    slope, offset float32 each: the sigmoid that makes a chance of a score
//	    weights       uint32: how many
//	    for each weight, in order of the terms, none twice:
//	        term      uint32: its place above
//	        weight    float32
//	checksum          uint32: CRC-32 (Castagnoli) of all bytes before it
const (
	modelMagic   = "DVTM"
	modelVersion = 1

	basisAt       = len(modelMagic) + 2
	mostTopics    = 500  // learnt; of more, those with the most decisions
	mostWeights   = 5000 // of one topic, the heaviest
	largestWeight = 1e6
)

// kind is what a topic was learnt from.
type kind uint8

const (
	byDecisions kind = 1
	byMatches   kind = 2
)

// learnt is what a model knows of one topic.
type learnt struct {
	topic   domain.TopicID
	kind    kind
	bias    float32
	sure    sigmoid
	weights vector
}

// model is what was learnt of one owner.
type model struct {
	basis domain.Digest
	vocabulary
	topics []learnt // in order of their ids
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (m *model) encode() []byte {
	b := append([]byte(nil), modelMagic...)
	b = binary.LittleEndian.AppendUint16(b, modelVersion)
	b = append(b, m.basis[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.terms)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.topics)))
	for i, term := range m.terms {
		b = append(b, byte(len(term)))
		b = append(b, term...)
		b = appendFloat(b, float64(m.idf[i]))
	}
	for _, t := range m.topics {
		b = append(b, t.topic[:]...)
		b = append(b, byte(t.kind))
		b = appendFloat(b, float64(t.bias))
		b = appendFloat(b, t.sure.slope)
		b = appendFloat(b, t.sure.offset)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(t.weights)))
		for _, w := range t.weights {
			b = binary.LittleEndian.AppendUint32(b, w.term)
			b = appendFloat(b, float64(w.weight))
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
}

// decode reads a model. Nothing is believed before it is checked: a count is no reason to allocate more than the bytes there are.
func decode(b []byte) (*model, error) {
	damaged := domain.Errorf(domain.Malformed, "this is no model of ours, or it is damaged")
	if len(b) > ports.MaxModel || len(b) < basisAt+len(domain.Digest{})+12 || string(b[:len(modelMagic)]) != modelMagic {
		return nil, damaged
	}
	body := b[:len(b)-4]
	if binary.LittleEndian.Uint32(b[len(body):]) != crc32.Checksum(body, castagnoli) {
		return nil, damaged
	}
	if version := binary.LittleEndian.Uint16(b[len(modelMagic):]); version != modelVersion {
		return nil, domain.Errorf(domain.Malformed, "the model is of version %d, which this program does not know", version)
	}
	m := &model{}
	r := reader{rest: body[basisAt:]}
	copy(m.basis[:], r.take(len(m.basis)))
	terms, topics := r.number(), r.number()
	if terms > mostTerms || topics > mostTopics || int(terms)*6 > len(r.rest) {
		return nil, damaged
	}
	m.terms, m.idf = make([]string, terms), make([]float32, terms)
	for i := range m.terms {
		length := int(r.byte())
		m.terms[i] = string(r.take(length))
		m.idf[i] = r.float()
		if r.bad || length == 0 || length > longestTerm || i > 0 && strings.Compare(m.terms[i-1], m.terms[i]) >= 0 || m.idf[i] <= 0 {
			return nil, damaged
		}
	}
	for range topics {
		t, ok := r.topic(terms)
		if n := len(m.topics); !ok || n > 0 && strings.Compare(string(m.topics[n-1].topic[:]), string(t.topic[:])) >= 0 {
			return nil, damaged
		}
		m.topics = append(m.topics, t)
	}
	if len(r.rest) > 0 {
		return nil, damaged
	}
	return m, nil
}

// reader takes values off bytes. Once they do not suffice, or a number is none, it is bad and gives zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return make([]byte, min(n, 32))
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) number() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

func (r *reader) float() float32 {
	v := math.Float32frombits(r.number())
	if !(math.Abs(float64(v)) <= largestWeight) { // NaN is not either
		r.bad = true
		return 0
	}
	return v
}

func (r *reader) topic(terms uint32) (learnt, bool) {
	var t learnt
	copy(t.topic[:], r.take(len(t.topic)))
	t.kind = kind(r.byte())
	t.bias = r.float()
	t.sure.slope, t.sure.offset = float64(r.float()), float64(r.float())
	weights := r.number()
	if r.bad || t.kind != byDecisions && t.kind != byMatches || weights > mostWeights || int(weights)*8 > len(r.rest) {
		return learnt{}, false
	}
	t.weights = make(vector, weights)
	for i := range t.weights {
		t.weights[i] = feature{r.number(), r.float()}
		if r.bad || t.weights[i].term >= terms || i > 0 && t.weights[i].term <= t.weights[i-1].term {
			return learnt{}, false
		}
	}
	return t, true
}
