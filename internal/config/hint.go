package config

import (
	"slices"
	"strings"
)

// hint proposes the known key nearest to a wrong one, or lists them all.
func hint(wrong string, known []string) string {
	nearest, least := "", len(wrong)/2+1 // beyond half its letters a proposal is a guess
	for _, key := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(key)); d < least {
			nearest, least = key, d
		}
	}
	if nearest != "" {
		return "did you mean " + nearest + "?"
	}
	return "known here: " + strings.Join(known, ", ")
}

// distance is Levenshtein's: the fewest insertions, deletions and substitutions that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			change := previous[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, previous[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
