package classify

import "math"

// leaning is how far a text is known to belong under one topic, from 0 to 1, and to which.
type leaning struct {
	topic int
	much  float64
}

// smoothing is added to every term's weight under a topic and under its complement.
const smoothing = 0.1

// trainBayes weighs terms by how much more often texts of the topic have them than texts of all other topics together do:
// complement naive Bayes, after Rennie, Shih, Teevan and Karger, "Tackling the poor assumptions of naive Bayes text classifiers",
// ICML 2003. A term that neither has says nothing. Weights are scaled to a sum of 1, so that a topic with few texts, whose weights
// are wilder, gets no advantage.
func trainBayes(texts []vector, leanings []leaning, topic, terms int) linear {
	own, others := make([]float64, terms), make([]float64, terms)
	ownSum, othersSum := 0.0, 0.0
	for i, v := range texts {
		into, sum := own, &ownSum
		if leanings[i].topic != topic {
			into, sum = others, &othersSum
		}
		for _, f := range v {
			weight := leanings[i].much * float64(f.weight)
			into[f.term] += weight
			*sum += weight
		}
	}
	seen := 0
	for term := range own {
		if own[term]+others[term] > 0 {
			seen++
		}
	}
	l, total := linear{weights: own}, 0.0
	for term := range own {
		if own[term]+others[term] == 0 {
			continue
		}
		weight := math.Log((own[term]+smoothing)/(ownSum+smoothing*float64(seen))) -
			math.Log((others[term]+smoothing)/(othersSum+smoothing*float64(seen)))
		l.weights[term] = weight
		total += math.Abs(weight)
	}
	if total > 0 {
		for term := range l.weights {
			l.weights[term] *= float64(seen) / total
		}
	}
	return l
}
