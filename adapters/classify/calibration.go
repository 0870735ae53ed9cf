package classify

import "math"

// sigmoid turns a score into a chance: 1 / (1 + exp(slope × score + offset)).
type sigmoid struct{ slope, offset float64 }

func (s sigmoid) chance(score float64) float64 {
	z := s.slope*score + s.offset
	if z >= 0 {
		e := math.Exp(-z)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(z))
}

// scored is the score of a text that the scorer was not trained on.
type scored struct {
	score   float64
	belongs bool
}

// calibrate fits a sigmoid to scores by Platt's method with Newton steps, as Lin, Lin and Weng corrected it ("A note on Platt's
// probabilistic outputs for support vector machines", Machine Learning 68, 2007). Its targets keep a distance from 0 and 1 that
// shrinks with the number of scores, so that a few of them do not make anything certain.
func calibrate(scores []scored) sigmoid {
	yes, no := 0.0, 0.0
	for _, s := range scores {
		if s.belongs {
			yes++
		} else {
			no++
		}
	}
	high, low := (yes+1)/(yes+2), 1/(no+2)
	target := func(s scored) float64 {
		if s.belongs {
			return high
		}
		return low
	}
	loss := func(g sigmoid) float64 {
		sum := 0.0
		for _, s := range scores {
			z, t := g.slope*s.score+g.offset, target(s)
			if z >= 0 {
				sum += t*z + math.Log1p(math.Exp(-z))
			} else {
				sum += (t-1)*z + math.Log1p(math.Exp(z))
			}
		}
		return sum
	}
	const ridge, flat = 1e-12, 1e-5
	g := sigmoid{0, math.Log((no + 1) / (yes + 1))}
	value := loss(g)
	for range 100 {
		h11, h22, h21, g1, g2 := ridge, ridge, 0.0, 0.0, 0.0
		for _, s := range scores {
			p := g.chance(s.score)
			spread, off := p*(1-p), target(s)-p
			h11 += s.score * s.score * spread
			h22 += spread
			h21 += s.score * spread
			g1 += s.score * off
			g2 += off
		}
		if math.Abs(g1) < flat && math.Abs(g2) < flat {
			break
		}
		det := h11*h22 - h21*h21
		dSlope, dOffset := -(h22*g1-h21*g2)/det, -(h11*g2-h21*g1)/det
		descent := g1*dSlope + g2*dOffset
		step := 1.0
		for ; step >= 1e-10; step /= 2 {
			next := sigmoid{g.slope + step*dSlope, g.offset + step*dOffset}
			if nextValue := loss(next); nextValue < value+1e-4*step*descent {
				g, value = next, nextValue
				break
			}
		}
		if step < 1e-10 {
			break
		}
	}
	if g.slope > 0 { // a higher score would mean less: the scores say nothing
		g.slope = 0
	}
	return g
}
