package formats

import (
	"strings"
	"unicode"
)

// Languages are told by their script where that is enough, else by their commonest words: the short ones without which nobody writes
// three sentences. What has too few of them, or as many of two languages, stays unknown.

// languageSample is how many words are looked at.
const languageSample = 3000

// What it takes to be sure: so many words of text, of which such a part are among the language's common ones, and so many times as
// many as among the next language's.
const (
	fewestWords  = 16
	commonPart   = 0.12
	commonMargin = 1.25
)

// commonWords are among the most frequent of a language. A word of several languages counts for each.
var commonWords = map[string]string{
	"cs": "a je se v na že to s z do o k za by ale jako pro jsou jsem byl být který která jeho si ve tak od po ne",
	"da": "og i at det er en til af på for de den med der ikke som har et fra jeg vi var han kan men skal om hun du eller",
	"de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie wir ich oder bei",
	"en": "the of and to in is that for it with as was on are be by this at from or have an not you which we your has will but they",
	"es": "de la que el en y a los se del las un por con no una su para es al lo como más pero sus le ya o este ha",
	"fi": "ja on ei se että hän oli en joka mutta ovat kun niin kuin tai mitä ole myös sen minä ovat vain olen tämä jos sitä siitä voi",
	"fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec vous nous je aux",
	"hu": "a az és hogy nem is egy van ez meg de csak már el még volt mint azt ha vagy ki amely lehet kell minden fel sem",
	"it": "di e il la che in un a per è una sono con non del si da le i della al nel come più ha lo gli alla dei ma",
	"nl": "de van het een en in is dat op te zijn met voor niet aan er om die als door ook naar bij u wij ik hij of maar wordt",
	"no": "og i det er på som en til for at av med har de ikke den et om var jeg fra vi han men kan skal hun du eller etter",
	"pl": "i w na z się nie do to że jest o od jak za po co ale tak przez dla oraz są być może lub tylko czy jego",
	"pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à",
	"ro": "de și în a la cu nu pe o este că un care din se pentru mai sau prin sunt fi ca dar lui au fost al ale",
	"sv": "och i att det som en på är av för med till den har de inte om ett men var jag från vi han kan hon ska du eller efter",
	"tr": "ve bir bu da de için ile ne olarak çok daha gibi var olan o kadar sonra her ama mi en değil ya ki veya",
}

// cyrillicLetters tell apart the languages of that script by letters that the others do not have.
var cyrillicLetters = []struct{ tag, letters string }{
	{"uk", "іїєґ"}, {"be", "ў"}, {"sr", "ђћљњџ"}, {"mk", "ѓќѕ"}, {"ru", "ыэё"}, {"bg", ""},
}

// scripts that one language of many readers is written in.
var scripts = []struct {
	tag    string
	script *unicode.RangeTable
}{
	{"ja", unicode.Hiragana}, {"ja", unicode.Katakana}, {"ko", unicode.Hangul}, {"zh", unicode.Han}, {"el", unicode.Greek},
	{"he", unicode.Hebrew}, {"th", unicode.Thai}, {"ka", unicode.Georgian}, {"hy", unicode.Armenian}, {"ta", unicode.Tamil},
	{"bn", unicode.Bengali}, {"te", unicode.Telugu}, {"km", unicode.Khmer},
}

// language is the BCP 47 tag of the language that a text is written in, or "" if that is not clear.
func language(text string) string {
	var words []string
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if words = append(words, strings.ToLower(word)); len(words) == languageSample {
			break
		}
	}
	if tag, ok := byScript(words); ok {
		return tag
	}
	return byCommonWords(words)
}

// byScript tells the languages that a script is enough for. It reports false if the text is in Latin letters.
func byScript(words []string) (string, bool) {
	counts := make([]int, len(scripts))
	latin, cyrillic, other := 0, 0, 0
	for _, word := range words {
		for _, r := range word {
			switch {
			case r < unicode.MaxLatin1 || unicode.Is(unicode.Latin, r):
				latin++
			case unicode.Is(unicode.Cyrillic, r):
				cyrillic++
			default:
				other++
				for i, s := range scripts {
					if unicode.Is(s.script, r) {
						counts[i]++
					}
				}
			}
		}
	}
	const fewestLetters = 40
	all := latin + cyrillic + other
	switch {
	case latin*2 >= all:
		return "", false
	case all < fewestLetters:
		return "", true
	case cyrillic*2 > all:
		return cyrillicLanguage(words), true
	}
	kana := counts[0] + counts[1]
	for i, s := range scripts {
		switch {
		case s.tag == "ja" && kana*10 > all: // among Chinese characters, which Japanese has too
			return "ja", true
		case s.tag != "ja" && counts[i]*2 > all:
			return s.tag, true
		}
	}
	return "", true
}

func cyrillicLanguage(words []string) string {
	text := strings.Join(words, " ")
	for _, l := range cyrillicLetters {
		const often = 500 // letters of text for each of the language's own
		n := 0
		for _, r := range l.letters {
			n += strings.Count(text, string(r))
		}
		if n*often > len(text)/2 || l.letters == "" {
			return l.tag
		}
	}
	return ""
}

func byCommonWords(words []string) string {
	if len(words) < fewestWords {
		return ""
	}
	counts := map[string]int{}
	for _, word := range words {
		for _, tag := range languagesOf[word] {
			counts[tag]++
		}
	}
	best, most, next := "", 0, 0
	for tag := range commonWords { // in any order: equals have no winner
		switch n := counts[tag]; {
		case n > most:
			best, most, next = tag, n, most
		case n > next:
			next = n
		}
	}
	if float64(most) < commonPart*float64(len(words)) || float64(most) < commonMargin*float64(next) {
		return ""
	}
	return best
}

// languagesOf says for each common word which languages it is common in.
var languagesOf = func() map[string][]string {
	of := map[string][]string{}
	for tag, words := range commonWords {
		for word := range strings.FieldsSeq(words) {
			of[word] = append(of[word], tag)
		}
	}
	return of
}()
