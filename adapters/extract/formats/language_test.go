package formats

import (
	"strings"
	"testing"
)

func TestLanguageOfText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"The invoice of last month is still open, and we would be grateful if you could settle it by the end of this week.":           "en",
		"Die Rechnung des letzten Monats ist noch offen, und wir wären Ihnen dankbar, wenn Sie sie bis Ende der Woche begleichen.":    "de",
		"La facture du mois dernier est encore ouverte et nous vous serions reconnaissants de la régler avant la fin de la semaine.":  "fr",
		"La factura del mes pasado sigue abierta y le agradeceríamos que la pagara antes de que termine la semana, por favor.":        "es",
		"La fattura del mese scorso è ancora aperta e le saremmo grati se la pagasse entro la fine di questa settimana.":              "it",
		"A fatura do mês passado ainda não foi paga e ficaríamos gratos se a pagasse até o fim da semana, com os dados que tem.":      "pt",
		"De factuur van de vorige maand is nog open en wij zouden het op prijs stellen als u die voor het einde van de week betaalt.": "nl",
		"Fakturan för förra månaden är fortfarande obetald och vi är tacksamma om du betalar den till slutet av veckan, eller så.":    "sv",
		"Faktura za ubiegły miesiąc nie jest jeszcze opłacona i będziemy wdzięczni za to, że się ją opłaci do końca tygodnia.":        "pl",
		"Счёт за прошлый месяц всё ещё не оплачен, и мы были бы благодарны, если бы вы оплатили его до конца недели.":                 "ru",
		"Рахунок за минулий місяць ще не оплачено, і ми були б вдячні, якби ви сплатили його до кінця тижня.":                         "uk",
		"先月の請求書がまだ支払われておりませんので、今週末までにお支払いいただけますようお願い申し上げます。どうぞよろしくお願いいたします。":                                                          "ja",
		"上个月的发票尚未支付，如果您能在本周末之前付款，我们将不胜感激。请随时与我们联系，谢谢您的合作与支持，祝您工作顺利。":                                                                  "zh",
		"Το τιμολόγιο του προηγούμενου μήνα παραμένει ανοιχτό και θα σας ήμασταν ευγνώμονες αν το πληρώνατε.":                         "el",
		"":                "",
		"the of and":      "",
		"4711 0815 12.50": "",
		"Lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore magna aliqua": "",
		strings.Repeat("SKU Qty Price Total\n", 50): "",
	} {
		for range 20 {
			if got := language(text); got != want {
				t.Errorf("%q: %q, want %q", text, got, want)
				break
			}
		}
	}
}
