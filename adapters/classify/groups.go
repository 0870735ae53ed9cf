package classify

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// What bounds the search for groups.
const (
	groupText    = 4000 // bytes of each text
	mostGrouped  = 500  // documents that are looked at
	mostLeaders  = 150  // groups that are begun; a document that fits none of them later is in none
	mostGroups   = 10   // shown
	leastGroup   = 3    // documents
	likeness     = 0.2  // cosine from which on a document belongs to a group
	groupTerms   = 5    // keywords of a group
	commonAmong  = 0.5  // share of the documents from which on a term is no keyword
	leastKeyword = 0.6  // share of a group's documents that have its keywords
)

// Group implements ports.Grouper. Each document in turn joins the group whose middle it is most like, or begins one; a second
// round lets all of them choose again among the groups there are.
func (l *Learner) Group(ctx context.Context, documents []ports.Example) ([]ports.Group, error) {
	documents = documents[:min(len(documents), mostGrouped)]
	words := newCounting()
	spellings := spellings{}
	for _, doc := range documents {
		if err := domain.ContextError(ctx, "classifying took too long"); err != nil {
			return nil, err
		}
		text := firstBytes(doc.Text, groupText)
		words.add(text)
		spellings.add(text, words.stems)
	}
	vocabulary, texts := words.settle()
	member := assign(texts, len(vocabulary.terms))
	groups := make(map[int][]int)
	for i, g := range member {
		if g >= 0 {
			groups[g] = append(groups[g], i)
		}
	}
	var found []ports.Group
	for _, g := range sortedBySize(groups) {
		if group, ok := describe(groups[g], texts, vocabulary, spellings); ok && len(found) < mostGroups {
			for _, i := range groups[g] {
				group.Documents = append(group.Documents, documents[i].Document)
			}
			found = append(found, group)
		}
	}
	return found, nil
}

// assign gives each text its group, -1 for none.
func assign(texts []vector, terms int) []int {
	var middles [][]float64
	member := make([]int, len(texts))
	nearest := func(v vector) (int, float64) {
		best, most := -1, 0.0
		for g, middle := range middles {
			if like := v.dot(middle); like > most {
				best, most = g, like
			}
		}
		return best, most
	}
	sums, sizes := [][]float64{}, []float64{}
	for _, v := range texts {
		g, like := nearest(v)
		if like < likeness {
			if len(v) < knownWords || len(middles) == mostLeaders {
				continue
			}
			g = len(middles)
			middles, sums, sizes = append(middles, make([]float64, terms)), append(sums, make([]float64, terms)), append(sizes, 0)
		}
		v.add(sums[g], 1)
		sizes[g]++
		for _, f := range v { // the middle of a growing group: terms that this text lacks are brought up to date at the end
			middles[g][f.term] = sums[g][f.term] / sizes[g]
		}
	}
	for g := range middles {
		for term := range middles[g] {
			middles[g][term] = sums[g][term] / sizes[g]
		}
	}
	for i, v := range texts {
		g, like := nearest(v)
		if member[i] = g; like < likeness {
			member[i] = -1
		}
	}
	return member
}

func sortedBySize(groups map[int][]int) []int {
	var order []int
	for g, members := range groups {
		if len(members) >= leastGroup {
			order = append(order, g)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(len(groups[b]), len(groups[a])), cmp.Compare(a, b)) })
	return order
}

// describe finds a group's keywords: what most of its documents have, the heaviest first. Without one it is no group.
func describe(members []int, texts []vector, known vocabulary, spellings spellings) (ports.Group, bool) {
	all, have := make(map[uint32]int), make(map[uint32]int)
	for _, v := range texts {
		for _, f := range v {
			all[f.term]++
		}
	}
	weights := make(map[uint32]float64)
	for _, i := range members {
		for _, f := range texts[i] {
			have[f.term]++
			weights[f.term] += float64(f.weight)
		}
	}
	var terms []uint32
	for term := range weights {
		elsewhere := float64(all[term]-have[term]) / float64(max(len(texts)-len(members), 1))
		if float64(have[term]) >= leastKeyword*float64(len(members)) && elsewhere < commonAmong && !number(known.terms[term]) {
			terms = append(terms, term)
		}
	}
	if len(terms) == 0 {
		return ports.Group{}, false
	}
	slices.SortFunc(terms, func(a, b uint32) int { return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a, b)) })
	var group ports.Group
	for _, term := range terms[:min(len(terms), groupTerms)] {
		group.Keywords = append(group.Keywords, spellings.of(known.terms[term]))
	}
	group.Name = capitalised(strings.Join(group.Keywords[:min(len(group.Keywords), 2)], " "))
	return group, true
}

func number(term string) bool {
	return strings.IndexFunc(term, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

func capitalised(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

// spellings counts how a term is written.
type spellings map[string]map[string]int

func (s spellings) add(text string, known stems) {
	eachWord(text, func(word string) {
		if len(word) > longestTerm || !says(word) {
			return
		}
		term := known.of(word)
		if s[term] == nil {
			if len(s) >= mostSeen {
				return
			}
			s[strings.Clone(term)] = map[string]int{}
		}
		s[term][word]++
	})
}

// of returns a term as it is mostly written, the first in order of several.
func (s spellings) of(term string) string {
	best, most := term, 0
	for word, n := range s[term] {
		if n > most || n == most && word < best {
			best, most = word, n
		}
	}
	return best
}

var _ ports.Grouper = (*Learner)(nil)
