using Mono.Cecil;
using Mono.Cecil.Rocks;

namespace IotPsk.Device.Tests.NanoFramework;

/// <summary>
/// The device runtime as one reference assembly, made of its API lists: what compiles against it finds everything it needs on a board. Its
/// methods have no bodies; it is for the compiler alone. Generic types, which the runtime declares and cannot run, are left out.
/// </summary>
internal sealed class RuntimeAssembly
{
    private static readonly Dictionary<string, string> Keywords = new()
    {
        ["void"] = "System.Void", ["object"] = "System.Object", ["string"] = "System.String", ["bool"] = "System.Boolean", ["char"] = "System.Char",
        ["byte"] = "System.Byte", ["sbyte"] = "System.SByte", ["short"] = "System.Int16", ["ushort"] = "System.UInt16", ["int"] = "System.Int32",
        ["uint"] = "System.UInt32", ["long"] = "System.Int64", ["ulong"] = "System.UInt64", ["float"] = "System.Single", ["double"] = "System.Double",
    };

    // Not named mscorlib: Cecil would look for the basic types in what does not exist yet.
    private readonly AssemblyDefinition _assembly = AssemblyDefinition.CreateAssembly(new AssemblyNameDefinition("nanoruntime", new Version(1, 17)), "nanoruntime", ModuleKind.Dll);
    private readonly Dictionary<string, TypeDefinition> _types = [];
    private readonly HashSet<string> _taken = [];

    /// <summary>Writes the assembly of all lists of a directory.</summary>
    internal static void Write(string lists, string file)
    {
        var made = new RuntimeAssembly();
        string[] lines = [.. Directory.GetFiles(lists, "*.txt").Order(StringComparer.Ordinal).SelectMany(File.ReadLines).Where(line => line.Length > 3 && line[1] == ':' && !line.Contains('<'))];
        foreach (string line in lines.Where(line => line[0] == 'T'))
            made.Declare(line[3..]);
        foreach (string line in lines.Where(line => line[0] == 'T'))
            made.Place(line[3..]);
        foreach (string line in lines.Where(line => line[0] != 'T'))
            made.AddMember(line[0], line[3..]);
        // An assembly that refers to no other is the compiler's base library; Cecil's names of the basic types have left one.
        made._assembly.MainModule.AssemblyReferences.Clear();
        made._assembly.Write(file);
    }

    // "public sealed class A.B : C, D", "public delegate void A.B(int c)".
    private static string NameOf(string text) => Head(text).Split('(')[0].Split(' ')[^1];

    private static string Head(string text) => text.Split(" : ")[0];

    private void Declare(string text)
    {
        string name = NameOf(text), head = Head(text);
        TypeAttributes attributes = TypeAttributes.Public;
        if (head.Contains(" interface ", StringComparison.Ordinal))
            attributes |= TypeAttributes.Interface | TypeAttributes.Abstract;
        if (head.Contains(" abstract ", StringComparison.Ordinal) || head.Contains(" static ", StringComparison.Ordinal))
            attributes |= TypeAttributes.Abstract;
        if (head.Contains(" sealed ", StringComparison.Ordinal) || head.Contains(" static ", StringComparison.Ordinal) || IsValue(head) || head.Contains(" delegate ", StringComparison.Ordinal))
            attributes |= TypeAttributes.Sealed;
        _types.TryAdd(name, new TypeDefinition("", name, attributes));
    }

    private static bool IsValue(string head) => head.Contains(" struct ", StringComparison.Ordinal) || head.Contains(" enum ", StringComparison.Ordinal);

    private void Place(string text)
    {
        string name = NameOf(text), head = Head(text);
        TypeDefinition type = _types[name];
        if (!_taken.Add("T:" + name))
            return;
        int dot = name.LastIndexOf('.');
        if (_types.TryGetValue(name[..dot], out TypeDefinition? outer))
        {
            type.Attributes = (type.Attributes & ~TypeAttributes.VisibilityMask) | TypeAttributes.NestedPublic;
            outer.NestedTypes.Add(type);
        }
        else
        {
            type.Namespace = name[..dot];
            _assembly.MainModule.Types.Add(type);
        }
        type.Name = name[(dot + 1)..];
        string[] bases = text.Contains(" : ", StringComparison.Ordinal) ? text.Split(" : ")[1].Split(", ") : [];
        if (head.Contains(" delegate ", StringComparison.Ordinal))
            MakeDelegate(type, head);
        else if (head.Contains(" enum ", StringComparison.Ordinal))
            MakeEnum(type, bases.Length > 0 ? bases[0] : "int");
        else
            Inherit(type, head, bases);
    }

    private void Inherit(TypeDefinition type, string head, string[] bases)
    {
        if (!type.IsInterface && type.FullName != "System.Object")
            type.BaseType = IsValue(head) ? _types["System.ValueType"] : _types["System.Object"];
        foreach (string name in bases)
        {
            if (!_types.TryGetValue(name, out TypeDefinition? found))
                continue;
            if (found.IsInterface)
                type.Interfaces.Add(new InterfaceImplementation(found));
            else
                type.BaseType = found;
        }
        if (IsValue(head))
            type.Attributes |= TypeAttributes.SequentialLayout;
    }

    private void MakeEnum(TypeDefinition type, string underlying)
    {
        type.BaseType = _types["System.Enum"];
        type.Fields.Add(new FieldDefinition("value__", FieldAttributes.Public | FieldAttributes.SpecialName | FieldAttributes.RTSpecialName, Type(underlying)));
    }

    private void MakeDelegate(TypeDefinition type, string head)
    {
        type.BaseType = _types["System.MulticastDelegate"];
        MethodDefinition constructor = Method(type, ".ctor", "void", "(object target, System.IntPtr method)", MethodAttributes.Public);
        string[] words = head[..head.IndexOf('(')].Split(' ');
        MethodDefinition invoke = Method(type, "Invoke", words[^2], head[head.IndexOf('(')..], MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.NewSlot);
        constructor.ImplAttributes = invoke.ImplAttributes = MethodImplAttributes.Runtime;
        constructor.Body = invoke.Body = null;
    }

    private void AddMember(char kind, string text)
    {
        if (!_taken.Add(text))
            return;
        switch (kind)
        {
            case 'F':
                AddField(text);
                break;
            case 'P':
                AddProperty(text);
                break;
            case 'E':
                AddEvent(text);
                break;
            default:
                AddMethod(text, kind == 'C');
                break;
        }
    }

    // "public const int A.B.C = 3", and for enums "A.B.C = 3".
    private void AddField(string text)
    {
        string[] halves = text.Split(" = ", 2);
        string[] words = halves[0].Split(' ');
        if (Owner(words[^1], out string name) is not { } owner)
            return;
        FieldAttributes attributes = FieldAttributes.Public;
        if (words.Contains("static") || owner.BaseType?.FullName == "System.Enum")
            attributes |= FieldAttributes.Static;
        bool isConstant = words.Contains("const") || owner.BaseType?.FullName == "System.Enum";
        if (isConstant)
            attributes |= FieldAttributes.Static | FieldAttributes.Literal;
        var field = new FieldDefinition(name, attributes, owner.BaseType?.FullName == "System.Enum" ? owner : Type(words[^2]));
        if (isConstant)
        {
            TypeReference of = owner.BaseType?.FullName == "System.Enum" ? owner.Fields[0].FieldType : field.FieldType;
            if (Constant(of.FullName, halves.Length > 1 ? halves[1] : "0") is not { } value)
                return;
            field.Attributes |= FieldAttributes.HasDefault;
            field.Constant = value;
        }
        owner.Fields.Add(field);
    }

    // What the compiler folds into our code matters only by its type.
    private static object? Constant(string type, string text) => type switch
    {
        "System.Byte" => byte.TryParse(text, out byte value) ? value : null,
        "System.SByte" => sbyte.TryParse(text, out sbyte value) ? value : null,
        "System.Int16" => short.TryParse(text, out short value) ? value : null,
        "System.UInt16" => ushort.TryParse(text, out ushort value) ? value : null,
        "System.Int32" => int.TryParse(text, out int value) ? value : null,
        "System.UInt32" => uint.TryParse(text, out uint value) ? value : null,
        "System.Int64" => long.TryParse(text, out long value) ? value : null,
        "System.UInt64" => ulong.TryParse(text, out ulong value) ? value : null,
        "System.Double" => 0.0,
        "System.Single" => 0.0f,
        "System.String" => text.Trim('"'),
        _ => null,
    };

    // "public static int A.B.C { get; set; }", "public byte A.B.this[int index] { get; }".
    private void AddProperty(string text)
    {
        string head = text[..text.IndexOf(" {", StringComparison.Ordinal)], accessors = text[head.Length..];
        int bracket = head.IndexOf(".this[", StringComparison.Ordinal);
        string[] words = (bracket < 0 ? head : head[..bracket] + ".Item").Split(' ');
        if (Owner(words[^1], out string name) is not { } owner)
            return;
        if (owner.FullName == "System.String" && bracket >= 0)
            name = "Chars";
        string index = bracket < 0 ? "" : head[(bracket + 6)..^1];
        var property = new PropertyDefinition(name, PropertyAttributes.None, Type(words[^2]));
        MethodAttributes attributes = Attributes(words, owner) | MethodAttributes.SpecialName;
        if (accessors.Contains("get;", StringComparison.Ordinal))
            property.GetMethod = Method(owner, "get_" + name, words[^2], $"({index})", attributes);
        if (accessors.Contains(" set;", StringComparison.Ordinal))
            property.SetMethod = Method(owner, "set_" + name, "void", $"({(index.Length > 0 ? index + ", " : "")}{words[^2]} value)", attributes);
        owner.Properties.Add(property);
        if (bracket >= 0)
            Indexed(owner, name);
    }

    private void Indexed(TypeDefinition owner, string name)
    {
        MethodDefinition? constructor = _types["System.Reflection.DefaultMemberAttribute"].Methods.FirstOrDefault(m => m.IsConstructor);
        if (constructor is null)
            constructor = Method(_types["System.Reflection.DefaultMemberAttribute"], ".ctor", "void", "(string memberName)", MethodAttributes.Public);
        // ECMA-335 II.23.3: prolog, the name, no named arguments.
        if (owner.CustomAttributes.Count == 0)
            owner.CustomAttributes.Add(new CustomAttribute(constructor, [1, 0, (byte)name.Length, .. System.Text.Encoding.UTF8.GetBytes(name), 0, 0]));
    }

    private void AddEvent(string text)
    {
        string[] words = text.Split(' ');
        if (Owner(words[^1], out string name) is not { } owner)
            return;
        MethodAttributes attributes = Attributes(words, owner) | MethodAttributes.SpecialName;
        owner.Events.Add(new EventDefinition(name, EventAttributes.None, Type(words[^2]))
        {
            AddMethod = Method(owner, "add_" + name, "void", $"({words[^2]} value)", attributes),
            RemoveMethod = Method(owner, "remove_" + name, "void", $"({words[^2]} value)", attributes),
        });
    }

    private void AddMethod(string text, bool isConstructor)
    {
        string[] words = text[..text.IndexOf('(')].Split(' ');
        string name = ".ctor";
        TypeDefinition? owner = isConstructor ? _types.GetValueOrDefault(words[^1]) : Owner(words[^1], out name);
        if (owner is null)
            return;
        MethodAttributes attributes = Attributes(words, owner);
        if (name.StartsWith("op_", StringComparison.Ordinal))
            attributes |= MethodAttributes.SpecialName;
        Method(owner, name, isConstructor ? "void" : words[^2], text[text.IndexOf('(')..], attributes);
    }

    private static MethodAttributes Attributes(string[] words, TypeDefinition owner)
    {
        MethodAttributes attributes = words.Contains("protected") ? MethodAttributes.Family : MethodAttributes.Public;
        if (words.Contains("static"))
            return attributes | MethodAttributes.Static | MethodAttributes.HideBySig;
        attributes |= MethodAttributes.HideBySig;
        if (owner.IsInterface || words.Contains("abstract"))
            return attributes | MethodAttributes.Virtual | MethodAttributes.Abstract | MethodAttributes.NewSlot;
        if (words.Contains("virtual"))
            return attributes | MethodAttributes.Virtual | MethodAttributes.NewSlot;
        return words.Contains("override") ? attributes | MethodAttributes.Virtual : attributes;
    }

    private MethodDefinition Method(TypeDefinition owner, string name, string result, string parameters, MethodAttributes attributes)
    {
        if (name == ".ctor")
            attributes |= MethodAttributes.SpecialName | MethodAttributes.RTSpecialName;
        var method = new MethodDefinition(name, attributes, Type(result));
        foreach (string parameter in parameters.Trim('(', ')').Split(", ", StringSplitOptions.RemoveEmptyEntries))
            method.Parameters.Add(Parameter(parameter));
        owner.Methods.Add(method);
        return method;
    }

    private ParameterDefinition Parameter(string text)
    {
        string[] halves = text.Split(" = ", 2);
        string[] words = halves[0].Split(' ');
        TypeReference type = Type(words[^2]);
        bool isReference = words[0] is "ref" or "out" or "in";
        var parameter = new ParameterDefinition(words[^1], words[0] == "out" ? ParameterAttributes.Out : ParameterAttributes.None, isReference ? type.MakeByReferenceType() : type);
        if (halves.Length > 1)
            parameter.Attributes |= ParameterAttributes.Optional;
        if (words[0] == "params")
            parameter.CustomAttributes.Add(new CustomAttribute(_types["System.ParamArrayAttribute"].Methods.FirstOrDefault(m => m.IsConstructor)
                ?? Method(_types["System.ParamArrayAttribute"], ".ctor", "void", "()", MethodAttributes.Public)));
        return parameter;
    }

    private TypeReference Type(string name)
    {
        if (name.EndsWith("[]", StringComparison.Ordinal))
            return new ArrayType(Type(name[..^2]));
        if (name.EndsWith('*'))
            return new PointerType(Type(name[..^1]));
        string full = Keywords.GetValueOrDefault(name, name);
        if (Basic(full) is { } basic)
            return basic;
        return _types.TryGetValue(full, out TypeDefinition? found) ? found : throw new InvalidDataException($"the lists name {full}, which they do not have");
    }

    // These have a code of their own in signatures.
    private TypeReference? Basic(string fullName)
    {
        TypeSystem system = _assembly.MainModule.TypeSystem;
        TypeReference[] all = [system.Void, system.Object, system.String, system.Boolean, system.Char, system.Byte, system.SByte, system.Int16, system.UInt16,
            system.Int32, system.UInt32, system.Int64, system.UInt64, system.Single, system.Double, system.IntPtr, system.UIntPtr];
        return all.FirstOrDefault(t => t.FullName == fullName);
    }

    private TypeDefinition? Owner(string fullName, out string name)
    {
        int dot = fullName.LastIndexOf('.');
        name = fullName[(dot + 1)..];
        return _types.GetValueOrDefault(fullName[..dot]);
    }
}
