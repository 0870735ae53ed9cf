package schema

import (
	"fmt"

	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// losses says what data a change destroys. Dropping an index or a constraint loses none: it can be made again.
func losses(change atlas.Change) []string {
	switch change := change.(type) {
	case *atlas.DropTable:
		return []string{fmt.Sprintf("drops table %s and its rows", change.T.Name)}
	case *atlas.ModifyTable:
		var all []string
		for _, c := range change.Changes {
			switch c := c.(type) {
			case *atlas.DropColumn:
				all = append(all, fmt.Sprintf("drops column %s.%s and its values", change.T.Name, c.C.Name))
			case *atlas.ModifyColumn:
				if !c.Change.Is(atlas.ChangeType) {
					continue
				}
				from, to := typeName(c.From), typeName(c.To)
				if !widens(c.From.Type.Type, c.To.Type.Type) {
					all = append(all, fmt.Sprintf("changes column %s.%s from %s to %s, which may cut its values", change.T.Name, c.To.Name, from, to))
				}
			}
		}
		return all
	}
	return nil
}

func typeName(c *atlas.Column) string {
	name, err := postgres.FormatType(c.Type.Type)
	if err != nil {
		return c.Type.Raw
	}
	return name
}

// widens reports whether every value of one type survives in the other unchanged. It knows the safe cases; all others count
// as losing.
func widens(from, to atlas.Type) bool {
	switch from := from.(type) {
	case *atlas.IntegerType:
		to, ok := to.(*atlas.IntegerType)
		return ok && integerBytes(from.T) <= integerBytes(to.T)
	case *atlas.StringType:
		to, ok := to.(*atlas.StringType)
		if !ok || from.T == "character" || from.T == "char" || to.T == "character" || to.T == "char" {
			return false
		}
		return to.Size == 0 || from.Size > 0 && from.Size <= to.Size
	case *atlas.EnumType:
		to, ok := to.(*atlas.StringType)
		return ok && to.Size == 0 && to.T != "character" && to.T != "char"
	case *atlas.FloatType:
		to, ok := to.(*atlas.FloatType)
		return ok && to.T == postgres.TypeDouble
	}
	return false
}

func integerBytes(t string) int {
	switch t {
	case postgres.TypeSmallInt, postgres.TypeInt2:
		return 2
	case postgres.TypeBigInt, postgres.TypeInt8:
		return 8
	}
	return 4
}
