package classify

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// What bounds a vocabulary, whatever the documents hold.
const (
	mostTerms   = 30_000  // kept: those that most documents have
	mostSeen    = 300_000 // told apart while counting; a term that first comes later is not counted
	longestTerm = 32      // bytes; longer ones are rarely words
	fewTexts    = 20      // from so many texts on, a term that one text alone has says nothing
)

// counting collects the terms of many texts.
type counting struct {
	stems stems
	ids   map[string]uint32
	terms []string
	texts []uint32 // how many texts have each term
	bags  []bag
}

func newCounting() *counting { return &counting{stems: stems{}, ids: map[string]uint32{}} }

// add counts one text's terms.
func (c *counting) add(text string) {
	counts := make(map[uint32]uint32, 256)
	var order []uint32 // of first mention, so that the same text gives the same bag
	eachTerm(text, c.stems, func(term string) {
		id, known := c.ids[term]
		if !known {
			if len(c.terms) >= mostSeen {
				return
			}
			id = uint32(len(c.terms))
			term = strings.Clone(term)
			c.ids[term], c.terms, c.texts = id, append(c.terms, term), append(c.texts, 0)
		}
		if counts[id]++; counts[id] == 1 {
			order = append(order, id)
		}
	})
	b := make(bag, len(order))
	for i, id := range order {
		b[i].term, b[i].count = id, counts[id]
		c.texts[id]++
	}
	c.bags = append(c.bags, b)
}

// eachTerm calls visit with the stem of every word that says something.
func eachTerm(text string, known stems, visit func(term string)) {
	eachWord(text, func(word string) {
		if len(word) > longestTerm || !says(word) {
			return
		}
		if term := known.of(word); term != "" {
			visit(term)
		}
	})
}

// vocabulary is the terms that are kept, in order of their bytes, with how rare each is.
type vocabulary struct {
	terms []string
	idf   []float32
}

// settle chooses the vocabulary and returns the texts as vectors over it.
func (c *counting) settle() (vocabulary, []vector) {
	least := uint32(1)
	if len(c.bags) >= fewTexts {
		least = 2
	}
	var kept []uint32
	for id, texts := range c.texts {
		if texts >= least {
			kept = append(kept, uint32(id))
		}
	}
	slices.SortFunc(kept, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(c.texts[b], c.texts[a]), strings.Compare(c.terms[a], c.terms[b]))
	})
	kept = kept[:min(len(kept), mostTerms)]
	slices.SortFunc(kept, func(a, b uint32) int { return strings.Compare(c.terms[a], c.terms[b]) })

	v := vocabulary{terms: make([]string, len(kept)), idf: make([]float32, len(kept))}
	place := make(map[uint32]uint32, len(kept))
	for i, id := range kept {
		place[id] = uint32(i)
		v.terms[i] = c.terms[id]
		v.idf[i] = float32(1 + math.Log(float64(1+len(c.bags))/float64(1+c.texts[id])))
	}
	vectors := make([]vector, len(c.bags))
	for i, b := range c.bags {
		known := make(bag, 0, len(b))
		for _, t := range b {
			if term, ok := place[t.term]; ok {
				t.term = term
				known = append(known, t)
			}
		}
		vectors[i], c.bags[i] = vectorOf(known, v.idf), nil
	}
	return v, vectors
}
