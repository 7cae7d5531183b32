package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// reader describes what a method of kmsg's Reader takes from the wire.
type reader struct {
	kind     kind
	size     int // fixed
	nullable bool
}

// readers holds every method that the field of a request is read with. Methods that
// differ in their encoding alone (compact or not, copied or not) are one.
var readers = map[string]reader{
	"Bool":    {kind: fixed, size: 1},
	"Int8":    {kind: fixed, size: 1},
	"Int16":   {kind: fixed, size: 2},
	"Uint16":  {kind: fixed, size: 2},
	"Int32":   {kind: fixed, size: 4},
	"Uint32":  {kind: fixed, size: 4},
	"Int64":   {kind: fixed, size: 8},
	"Float64": {kind: fixed, size: 8},
	"Uuid":    {kind: fixed, size: 16},

	"String":              {kind: text},
	"UnsafeString":        {kind: text},
	"CompactString":       {kind: text},
	"UnsafeCompactString": {kind: text},

	"NullableString":              {kind: text, nullable: true},
	"UnsafeNullableString":        {kind: text, nullable: true},
	"CompactNullableString":       {kind: text, nullable: true},
	"UnsafeCompactNullableString": {kind: text, nullable: true},

	"Bytes":                {kind: blob},
	"CompactBytes":         {kind: blob},
	"NullableBytes":        {kind: blob, nullable: true},
	"CompactNullableBytes": {kind: blob, nullable: true},
}

// parseRequests reads the shapes of all requests from kmsg's generated code.
func parseRequests(path string) ([]request, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	bodies := make(map[string][]ast.Stmt)
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv == nil || fn.Name.Name != "readFrom" {
			continue
		}
		if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
			bodies[star.X.(*ast.Ident).Name] = fn.Body.List
		}
	}
	p := &shapeParser{fset: fset}
	var requests []request
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		message := kmsg.RequestForKey(key)
		if message == nil {
			continue
		}
		typ := reflect.TypeOf(message).Elem()
		p.flexibleFrom = never
		root, err := p.structure(bodies[typ.Name()], typ)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", typ.Name(), err)
		}
		requests = append(requests, request{
			key: int(key), max: int(message.MaxVersion()), flexibleFrom: p.flexibleFrom, root: root,
		})
	}
	return requests, nil
}

// shapeParser turns statements into shapes. Every form that it does not know is an
// error with its position.
type shapeParser struct {
	fset         *token.FileSet
	flexibleFrom int // of the message at hand
}

func (p *shapeParser) unknown(n ast.Node) error {
	return fmt.Errorf("unknown form at %s", p.fset.Position(n.Pos()))
}

// structure reads the statements that decode one struct: assignments that set the
// stage, then one block per field, then the tagged fields.
func (p *shapeParser) structure(stmts []ast.Stmt, typ reflect.Type) (*shape, error) {
	s := &shape{name: typ.Name(), mem: int(typ.Size())}
	for _, stmt := range stmts {
		var err error
		switch st := stmt.(type) {
		case *ast.AssignStmt:
			if name, ok := st.Lhs[0].(*ast.Ident); ok && name.Name == "isFlexible" {
				p.flexibleFrom, err = p.flexibility(st)
			}
		case *ast.ExprStmt, *ast.ReturnStmt: // v.Default(), return b.Complete()
		case *ast.BlockStmt:
			err = p.addField(s, st.List, 0, last, typ)
		case *ast.IfStmt:
			err = p.conditional(s, st, typ)
		default:
			err = p.unknown(stmt)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// flexibility reads `isFlexible := version >= N`.
func (p *shapeParser) flexibility(st *ast.AssignStmt) (int, error) {
	from, to, ok := versionRange(st.Rhs[0])
	if !ok || to != last {
		return 0, p.unknown(st)
	}
	return from, nil
}

// conditional reads a field that some versions have, or the tagged fields.
func (p *shapeParser) conditional(s *shape, st *ast.IfStmt, typ reflect.Type) error {
	if from, to, ok := versionRange(st.Cond); ok {
		return p.addField(s, st.Body.List, from, to, typ)
	}
	if cond, ok := st.Cond.(*ast.Ident); !ok || cond.Name != "isFlexible" || len(st.Body.List) != 1 {
		return p.unknown(st)
	}
	loop, ok := st.Body.List[0].(*ast.ForStmt)
	if !ok { // s.UnknownTags = internalReadTags(&b)
		return nil
	}
	sw, ok := loop.Body.List[0].(*ast.SwitchStmt)
	if !ok {
		return p.unknown(loop)
	}
	for _, c := range sw.Body.List {
		clause := c.(*ast.CaseClause)
		if clause.List == nil { // default: an unknown tag
			continue
		}
		number, err := strconv.Atoi(clause.List[0].(*ast.BasicLit).Value)
		if err != nil || len(clause.Body) < 3 {
			return p.unknown(clause)
		}
		// The first statement makes a Reader of the tag's bytes, the last asks whether they sufficed.
		f, err := p.field(clause.Body[1:len(clause.Body)-1], typ)
		if err != nil {
			return err
		}
		f.from, f.to, f.tag = 0, last, number
		s.tags = append(s.tags, f)
	}
	return nil
}

// addField appends a field that is in place.
func (p *shapeParser) addField(s *shape, stmts []ast.Stmt, from, to int, typ reflect.Type) error {
	f, err := p.field(stmts, typ)
	if err != nil {
		return err
	}
	f.from, f.to, f.tag = from, to, -1
	s.fields = append(s.fields, f)
	return nil
}

// field reads the statements that decode one field of typ.
func (p *shapeParser) field(stmts []ast.Stmt, typ reflect.Type) (field, error) {
	if st, ok := stmts[0].(*ast.IfStmt); ok && len(stmts) == 1 && st.Init != nil {
		return p.optional(st, typ)
	}
	if name, ok := addressOfField(stmts[0]); ok {
		member, err := memberOf(typ, name)
		if err != nil {
			return field{}, err
		}
		elem, err := p.structure(stmts[1:], member)
		return field{name: name, kind: structure, nullFrom: never, elem: elem}, err
	}
	if len(stmts) > 1 && isAssign(stmts[1], "a", "v") {
		return p.array(stmts, typ)
	}
	name, ok := assignedField(stmts[len(stmts)-1])
	if !ok {
		return field{}, p.unknown(stmts[0])
	}
	member, err := memberOf(typ, name)
	if err != nil {
		return field{}, err
	}
	f, err := p.scalar(stmts)
	f.name = name
	f.pointer = f.kind == text && member.Kind() == reflect.Pointer
	return f, err
}

// optional reads `if present := b.Int8(); present != -1 && b.Ok() { s.X = new(T) …`.
func (p *shapeParser) optional(st *ast.IfStmt, typ reflect.Type) (field, error) {
	name, ok := assignedField(st.Body.List[0])
	if !ok || !isAssignOf(st.Init, "present") {
		return field{}, p.unknown(st)
	}
	member, err := memberOf(typ, name)
	if err != nil {
		return field{}, err
	}
	elem, err := p.structure(st.Body.List[1:], member.Elem())
	return field{name: name, kind: optional, nullFrom: 0, elem: elem}, err
}

// array reads an array: its length, in some versions its null, and a loop over its
// elements.
func (p *shapeParser) array(stmts []ast.Stmt, typ reflect.Type) (field, error) {
	name, ok := assignedField(stmts[len(stmts)-1])
	if !ok {
		return field{}, p.unknown(stmts[0])
	}
	member, err := memberOf(typ, name)
	if err != nil {
		return field{}, err
	}
	f := field{name: name, nullFrom: never}
	var loop *ast.ForStmt
	for _, stmt := range stmts {
		switch st := stmt.(type) {
		case *ast.IfStmt:
			if from, ok := nullCondition(st.Cond); ok {
				f.nullFrom = from
			}
		case *ast.ForStmt:
			loop = st
		}
	}
	if loop == nil {
		return field{}, p.unknown(stmts[0])
	}
	body := loop.Body.List
	if isAssignOf(body[0], "v") && isElement(body[0]) {
		f.kind = structArray
		f.elem, err = p.structure(body[1:], member.Elem())
		return f, err
	}
	elem, err := p.scalar(body)
	if err != nil {
		return field{}, err
	}
	switch {
	case elem.kind == fixed:
		f.kind, f.size = fixedArray, elem.size
	case elem.kind == text && elem.nullFrom == never:
		f.kind = textArray
	default:
		return field{}, p.unknown(loop)
	}
	return f, nil
}

// scalar reads a value that one method of Reader takes from the wire, perhaps one of
// several by encoding, and null in some versions.
func (p *shapeParser) scalar(stmts []ast.Stmt) (field, error) {
	f := field{nullFrom: never}
	var found []reader
	nullFrom := 0
	for _, stmt := range stmts {
		ast.Inspect(stmt, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "b" {
					found = append(found, readers[n.Sel.Name]) // the zero reader is told below
				}
			case *ast.BinaryExpr:
				if v, ok := below(n); ok { // version < N: null from N
					nullFrom = v
				}
			}
			return true
		})
	}
	if len(found) == 0 || slices.Contains(found, reader{}) {
		return f, p.unknown(stmts[0])
	}
	f.kind, f.size = found[0].kind, found[0].size
	for _, r := range found {
		if r.kind != f.kind || r.size != f.size {
			return f, p.unknown(stmts[0])
		}
		if r.nullable {
			f.nullFrom = nullFrom
		}
	}
	return f, nil
}

// memberOf finds the Go type of a field: of its elements, if it is a slice.
func memberOf(typ reflect.Type, name string) (reflect.Type, error) {
	f, ok := typ.FieldByName(name)
	if !ok {
		return nil, fmt.Errorf("%s has no field %s", typ.Name(), name)
	}
	return f.Type, nil
}

// versionRange reads `version >= N` and `version >= N && version <= M`.
func versionRange(e ast.Expr) (from, to int, ok bool) {
	b, isBinary := e.(*ast.BinaryExpr)
	if !isBinary {
		return 0, 0, false
	}
	if b.Op == token.LAND {
		from, _, ok1 := versionRange(b.X)
		upper, isBinary := b.Y.(*ast.BinaryExpr)
		if !ok1 || !isBinary || upper.Op != token.LEQ || !isVersion(upper.X) {
			return 0, 0, false
		}
		to, ok := number(upper.Y)
		return from, to, ok
	}
	if b.Op != token.GEQ || !isVersion(b.X) {
		return 0, 0, false
	}
	from, ok = number(b.Y)
	return from, last, ok
}

// nullCondition reads `version < N || l == 0`: null from version N.
func nullCondition(e ast.Expr) (int, bool) {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.LOR {
		return 0, false
	}
	left, ok := b.X.(*ast.BinaryExpr)
	if !ok {
		return 0, false
	}
	return below(left)
}

// below reads `version < N`.
func below(b *ast.BinaryExpr) (int, bool) {
	if b.Op != token.LSS || !isVersion(b.X) {
		return 0, false
	}
	return number(b.Y)
}

func isVersion(e ast.Expr) bool {
	x, ok := e.(*ast.Ident)
	return ok && x.Name == "version"
}

func number(e ast.Expr) (int, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(lit.Value)
	return n, err == nil
}

// isAssignOf says whether a statement assigns to a variable.
func isAssignOf(stmt ast.Stmt, variable string) bool {
	st, ok := stmt.(*ast.AssignStmt)
	if !ok {
		return false
	}
	x, ok := st.Lhs[0].(*ast.Ident)
	return ok && x.Name == variable
}

// isAssign says whether a statement assigns one variable to another.
func isAssign(stmt ast.Stmt, to, from string) bool {
	if !isAssignOf(stmt, to) {
		return false
	}
	x, ok := stmt.(*ast.AssignStmt).Rhs[0].(*ast.Ident)
	return ok && x.Name == from
}

// isElement recognises `… := &a[i]`.
func isElement(stmt ast.Stmt) bool {
	u, ok := stmt.(*ast.AssignStmt).Rhs[0].(*ast.UnaryExpr)
	if !ok {
		return false
	}
	_, ok = u.X.(*ast.IndexExpr)
	return ok
}

// addressOfField reads `v := &s.X` and gives X.
func addressOfField(stmt ast.Stmt) (string, bool) {
	st, ok := stmt.(*ast.AssignStmt)
	if !ok {
		return "", false
	}
	u, ok := st.Rhs[0].(*ast.UnaryExpr)
	if !ok {
		return "", false
	}
	return fieldOfS(u.X)
}

// assignedField reads `s.X = …` and gives X.
func assignedField(stmt ast.Stmt) (string, bool) {
	st, ok := stmt.(*ast.AssignStmt)
	if !ok {
		return "", false
	}
	return fieldOfS(st.Lhs[0])
}

// fieldOfS reads `s.X` and gives X.
func fieldOfS(e ast.Expr) (string, bool) {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok || x.Name != "s" {
		return "", false
	}
	return sel.Sel.Name, true
}
