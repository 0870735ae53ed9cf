package classify

import (
	"cmp"
	"math"
	"slices"
)

// feature is one term of a text with its weight.
type feature struct {
	term   uint32
	weight float32
}

// vector is a text as its terms' weights, in order of the terms, of length 1 unless it is empty.
type vector []feature

// dot multiplies with weights by term.
func (v vector) dot(weights []float64) float64 {
	sum := 0.0
	for _, f := range v {
		sum += float64(f.weight) * weights[f.term]
	}
	return sum
}

// add adds scale times the vector to weights by term.
func (v vector) add(weights []float64, scale float64) {
	for _, f := range v {
		weights[f.term] += scale * float64(f.weight)
	}
}

// bag is how often a text has each term.
type bag []struct{ term, count uint32 }

// vectorOf weighs a text's terms by the logarithm of their counts and by their rarity (TF-IDF), and makes the vector one long.
func vectorOf(terms bag, idf []float32) vector {
	v, squares := make(vector, 0, len(terms)), 0.0
	for _, t := range terms {
		weight := (1 + math.Log(float64(t.count))) * float64(idf[t.term])
		v = append(v, feature{t.term, float32(weight)})
		squares += weight * weight
	}
	slices.SortFunc(v, func(a, b feature) int { return cmp.Compare(a.term, b.term) })
	if squares > 0 {
		scale := float32(1 / math.Sqrt(squares))
		for i := range v {
			v[i].weight *= scale
		}
	}
	return v
}
