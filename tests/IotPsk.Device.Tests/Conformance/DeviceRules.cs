using Mono.Cecil;
using Mono.Cecil.Cil;

namespace IotPsk.Device.Tests.Conformance;

/// <summary>
/// What device code may consist of: the language subset of the v1 runtime, its API alone, and no static state, because many
/// virtual devices live in one process.
/// </summary>
internal sealed class DeviceRules(ApiList api)
{
    private static readonly string[] Own = ["IotPsk.Shared", "IotPsk.Device", "IotPsk.Device.App", "IotPsk.Device.Native"];
    private readonly List<string> _violations = [];

    /// <summary>Every violation in an assembly.</summary>
    internal IReadOnlyList<string> Check(AssemblyDefinition assembly)
    {
        if (assembly.MainModule.GetTypes().Any(t => t.Methods.Any(m => m.IsInternalCall)))
            CheckNatives(assembly);
        foreach (TypeDefinition type in assembly.MainModule.Types)
            Check(type);
        return _violations;
    }

    /// <summary>Every violation in a type and the types inside it.</summary>
    internal IReadOnlyList<string> Check(TypeDefinition type)
    {
        if (IsCompilers(type))
            return _violations;
        if (type.HasGenericParameters)
            Violation(type.FullName, "declares a generic type");
        if (type.BaseType is { } baseType)
            CheckType(type.FullName, baseType);
        foreach (InterfaceImplementation implemented in type.Interfaces)
            CheckType(type.FullName, implemented.InterfaceType);
        CheckAttributes(type.FullName, type);
        foreach (FieldDefinition field in type.Fields)
            CheckField(type, field);
        foreach (MethodDefinition method in type.Methods)
            CheckMethod(method);
        foreach (TypeDefinition nested in type.NestedTypes)
            Check(nested);
        return _violations;
    }

    private void CheckNatives(AssemblyDefinition assembly)
    {
        // The firmware's build finds the version of its natives by a pattern that a 0 in the name would break.
        if (assembly.Name.Name.Contains('0'))
            Violation(assembly.Name.Name, "has natives and a 0 in its name");
        // What the compiler of a newer C# puts in would shift them in their table.
        foreach (TypeDefinition type in assembly.MainModule.Types.Where(t => IsCompilers(t) && t.HasMethods))
            Violation(assembly.Name.Name, $"has natives and {type.FullName}, which its compiler put in");
    }

    // Attributes the compiler puts into an assembly, and array contents; nobody calls them.
    private static bool IsCompilers(TypeDefinition type) =>
        type.Name == "<Module>" || type.Namespace == "Microsoft.CodeAnalysis" || type.Namespace == "System.Runtime.CompilerServices"
        || type.Name.StartsWith("<PrivateImplementationDetails>", StringComparison.Ordinal);

    private void CheckField(TypeDefinition type, FieldDefinition field)
    {
        string where = field.FullName;
        CheckType(where, field.FieldType);
        // A switch over strings or a lambda keeps things in static fields of the compiler's own.
        if (field.IsStatic && !field.IsInitOnly && !field.IsLiteral && !type.IsEnum)
            Violation(where, "is static and can change");
        if (field.IsStatic && field.IsInitOnly && !IsPlain(field.FieldType))
            Violation(where, "is static and holds an object that can change");
        CheckAttributes(where, field);
    }

    // Numbers, text, and tables of them.
    private static bool IsPlain(TypeReference type) =>
        type.IsPrimitive || type.FullName == "System.String" || (type is ArrayType { Rank: 1 } table && IsPlain(table.ElementType));

    // Those that the compiler adds are left out by it where they are missing.
    private void CheckAttributes(string where, ICustomAttributeProvider provider)
    {
        foreach (CustomAttribute attribute in provider.CustomAttributes)
        {
            TypeReference type = attribute.AttributeType;
            bool isCompilers = type.Namespace == "System.Runtime.CompilerServices" || type.FullName == "System.Diagnostics.DebuggerBrowsableAttribute";
            if (!isCompilers)
                CheckType(where, type);
        }
    }

    private void CheckMethod(MethodDefinition method)
    {
        string where = method.FullName;
        if (method.HasGenericParameters)
            Violation(where, "declares a generic method");
        if (method.CustomAttributes.Any(a => a.AttributeType.Name is "AsyncStateMachineAttribute"))
            Violation(where, "is async");
        if (method.CustomAttributes.Any(a => a.AttributeType.Name is "IteratorStateMachineAttribute"))
            Violation(where, "is an iterator");
        if (method.DeclaringType.IsInterface && method.HasBody)
            Violation(where, "has a body in an interface");
        CheckAttributes(where, method);
        CheckType(where, method.ReturnType);
        foreach (ParameterDefinition parameter in method.Parameters)
            CheckType(where, parameter.ParameterType);
        if (!method.HasBody)
            return;
        foreach (VariableDefinition local in method.Body.Variables)
            CheckType(where, local.VariableType);
        foreach (ExceptionHandler handler in method.Body.ExceptionHandlers)
        {
            if (handler.CatchType is { } caught)
                CheckType(where, caught);
            if (handler.HandlerType == ExceptionHandlerType.Filter)
                Violation(where, "has an exception filter");
        }
        foreach (Instruction instruction in method.Body.Instructions)
            CheckOperand(where, instruction);
    }

    private void CheckOperand(string where, Instruction instruction)
    {
        if (instruction.OpCode.Code == Code.Localloc)
            Violation(where, "allocates on the stack");
        // The runtime wraps silently where overflow was to be found.
        if (instruction.OpCode.Code.ToString().Contains("_Ovf", StringComparison.Ordinal))
            Violation(where, "relies on the overflow check");
        switch (instruction.Operand)
        {
            case MethodReference method:
                CheckCall(where, method);
                break;
            case FieldReference field:
                CheckType(where, field.DeclaringType);
                CheckType(where, field.FieldType);
                if (IsForeign(field.DeclaringType) && !api.HasMember(field.DeclaringType.FullName, field.Name))
                    Violation(where, $"uses {field.FullName}, which the device does not have");
                break;
            case TypeReference type:
                CheckType(where, type);
                break;
        }
    }

    private void CheckCall(string where, MethodReference method)
    {
        if (method is GenericInstanceMethod)
            Violation(where, $"calls the generic method {method.Name}");
        CheckType(where, method.DeclaringType);
        if (!IsForeign(method.DeclaringType) || method.DeclaringType is ArrayType or GenericInstanceType || Banned(method.DeclaringType) is not null)
            return;
        string type = DeviceType(method.DeclaringType.FullName);
        // Where Monitor has no Enter with a flag, the compiler makes lock of the other one.
        if (method.FullName == "System.Void System.Threading.Monitor::Enter(System.Object,System.Boolean&)")
            return;
        // The lists leave finalizers out; without Object.Finalize the compiler leaves the call out, too.
        if (method.FullName == "System.Void System.Object::Finalize()")
            return;
        string parameters = string.Join(',', method.Parameters.Select(p => Name(p.ParameterType)));
        bool known = api.HasMember(type, $"{method.Name}({parameters})")
            || (IsAccessor(method.Name) && api.HasMember(type, $"{method.Name}(*)"));
        if (!known)
            Violation(where, $"calls {type}.{method.Name}({parameters}), which the device does not have");
    }

    private static bool IsAccessor(string name) =>
        name.StartsWith("get_", StringComparison.Ordinal) || name.StartsWith("set_", StringComparison.Ordinal)
        || name.StartsWith("add_", StringComparison.Ordinal) || name.StartsWith("remove_", StringComparison.Ordinal);

    private void CheckType(string where, TypeReference type)
    {
        if (Banned(type) is { } ban)
        {
            Violation(where, ban);
            return;
        }
        switch (type)
        {
            case IModifierType modified:
                CheckType(where, modified.ModifierType);
                CheckType(where, modified.ElementType);
                break;
            case TypeSpecification specification:
                CheckType(where, specification.ElementType);
                break;
            case GenericParameter:
                break;
            default:
                if (IsForeign(type) && !api.HasType(DeviceType(type.FullName)))
                    Violation(where, $"uses {type.FullName}, which the device does not have");
                break;
        }
    }

    private static string? Banned(TypeReference type) => type switch
    {
        ArrayType { Rank: > 1 } => "uses a multidimensional array",
        PointerType => "uses a pointer",
        _ when type.FullName.StartsWith("System.Nullable`", StringComparison.Ordinal) => "uses Nullable",
        _ when type.FullName.StartsWith("System.ValueTuple", StringComparison.Ordinal) || type.FullName.StartsWith("System.Tuple", StringComparison.Ordinal) => "uses a tuple",
        _ when IsNamed(type, "System.Action") || IsNamed(type, "System.Func") => "uses Action or Func",
        _ when type.FullName.StartsWith("System.Linq.", StringComparison.Ordinal) => "uses LINQ",
        _ when type.FullName.StartsWith("System.Threading.Tasks.", StringComparison.Ordinal) => "uses Task",
        _ when type.FullName.StartsWith("System.Span`", StringComparison.Ordinal) || type.FullName.StartsWith("System.ReadOnlySpan`", StringComparison.Ordinal) => "uses Span",
        GenericInstanceType => $"uses the generic type {type.FullName}",
        _ => null,
    };

    private static bool IsNamed(TypeReference type, string name) =>
        type.FullName == name || type.FullName.StartsWith(name + "`", StringComparison.Ordinal);

    private static bool IsForeign(TypeReference type) => type switch
    {
        TypeSpecification specification => IsForeign(specification.ElementType),
        GenericParameter => false,
        _ => type.Scope is AssemblyNameReference scope && !Own.Contains(scope.Name),
    };

    // The common base of the two events is public in .NET only.
    private static string DeviceType(string fullName) => fullName == "System.Threading.EventWaitHandle" ? "System.Threading.AutoResetEvent" : fullName;

    private static string Name(TypeReference type) => type switch
    {
        ByReferenceType reference => Name(reference.ElementType) + "&",
        ArrayType array => Name(array.ElementType) + "[]",
        _ => type.FullName switch
        {
            "System.Byte" => "byte", "System.SByte" => "sbyte", "System.Int16" => "short", "System.UInt16" => "ushort",
            "System.Int32" => "int", "System.UInt32" => "uint", "System.Int64" => "long", "System.UInt64" => "ulong",
            "System.Boolean" => "bool", "System.Char" => "char", "System.String" => "string", "System.Object" => "object",
            "System.Single" => "float", "System.Double" => "double", var other => other,
        },
    };

    private void Violation(string where, string what) => _violations.Add($"{where}: {what}");
}
