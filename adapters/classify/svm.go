package classify

import (
	"math"
	"math/rand/v2"
)

// sample is a text that belongs under a topic or does not.
type sample struct {
	vector
	belongs bool
}

// How a linear support vector machine is trained.
const (
	penalty    = 1.0  // C: what a text on the wrong side costs
	mostRounds = 60   // through all samples; it is mostly done in 10 to 20
	goodEnough = 0.02 // largest violation of the optimum at which to stop
)

// linear is a score for a text: the sum of its terms' weights, and a bias.
type linear struct {
	weights []float64 // by term
	bias    float64
}

func (l linear) score(v vector) float64 { return v.dot(l.weights) + l.bias }

// trainSVM finds the plane with the widest margin between samples that belong and samples that do not, by dual coordinate
// descent for the squared hinge loss: Hsieh, Chang, Lin, Keerthi and Sundararajan, "A dual coordinate descent method for
// large-scale linear SVM", ICML 2008, algorithm 1 with random permutation. The bias is one more feature of value 1. The order of
// samples is shuffled by a fixed seed, so that the same samples give the same plane.
func trainSVM(samples []sample, terms int) linear {
	plane := linear{weights: make([]float64, terms)}
	if len(samples) == 0 {
		return plane
	}
	const diagonal = 1 / (2 * penalty)
	alpha, order := make([]float64, len(samples)), make([]int, len(samples))
	for i := range order {
		order[i] = i
	}
	random := rand.New(rand.NewPCG(20080705, uint64(len(samples))))
	for range mostRounds {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		worst := 0.0
		for _, i := range order {
			s := samples[i]
			y := -1.0
			if s.belongs {
				y = 1
			}
			gradient := y*plane.score(s.vector) - 1 + diagonal*alpha[i]
			violation := gradient
			if alpha[i] == 0 {
				violation = min(gradient, 0)
			}
			worst = max(worst, math.Abs(violation))
			if math.Abs(violation) < 1e-12 {
				continue
			}
			before := alpha[i]
			alpha[i] = max(before-gradient/(s.squares()+1+diagonal), 0)
			step := y * (alpha[i] - before)
			s.add(plane.weights, step)
			plane.bias += step
		}
		if worst < goodEnough {
			break
		}
	}
	return plane
}

// squares is the squared length of the vector.
func (v vector) squares() float64 {
	if len(v) == 0 {
		return 0
	}
	return 1 // vectorOf makes them so
}
