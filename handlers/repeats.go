package handlers

// fewNamed is a number of names that are compared quicker than they are put into a map.
const fewNamed = 8

// atMostTwice is a list without what was there twice before. The answer about what is named twice has it twice, as Kafka's has; but what is described
// may be large, its name is short, and a request that names it a million times must not be a million descriptions long.
func atMostTwice[E any, K comparable](list []E, key func(*E) K) []E {
	if len(list) <= fewNamed {
		return fewAtMostTwice(list, key)
	}
	named := make(map[K]int, len(list))
	kept := make([]E, 0, len(list))
	for i := range list {
		k := key(&list[i])
		if named[k]++; named[k] <= 2 {
			kept = append(kept, list[i])
		}
	}
	return kept
}

func fewAtMostTwice[E any, K comparable](list []E, key func(*E) K) []E {
	kept := list[:0]
	for i := range list {
		before := 0
		for j := range kept {
			if key(&kept[j]) == key(&list[i]) {
				before++
			}
		}
		if before < 2 {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// itself is the key of what is a name.
func itself[K comparable](k *K) K { return *k }
