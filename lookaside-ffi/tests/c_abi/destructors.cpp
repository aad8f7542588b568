// Lists that something deletes at the end of the process, or of the object that this is compiled into: the program
// (with MAIN), a library that it is linked to, or a plug-in. UNIT is the name of the object and of its function. The
// list that FORGET in the environment names is not deleted.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sys/resource.h>
#include <thread>

#include "lookaside.h"

#define STRING_OF(name) #name
#define STRING(name) STRING_OF(name)
#define NAMED(what) STRING(UNIT) " " what

namespace {

class list {
public:
    void make(const char *name)
    {
        lookaside_parameters parameters{};
        parameters.struct_size = sizeof parameters;
        parameters.size = 64;
        parameters.name = named = name;
        parameters.pool_type = LOOKASIDE_POOL_PAGED;
        if (lookaside_list_initialize(&object, &parameters) != LOOKASIDE_STATUS_SUCCESS)
            abort();
        block = lookaside_list_allocate(&object);
    }

    void end()
    {
        const char *forgotten = getenv("FORGET");
        if (named == nullptr)
            return;
        lookaside_list_free(&object, block);
        if (forgotten != nullptr && strcmp(forgotten, named) == 0)
            return;
        if (lookaside_list_delete(&object) != LOOKASIDE_STATUS_SUCCESS)
            abort();
    }

private:
    lookaside_list object{};
    const char *named = nullptr;
    void *block = nullptr;
};

struct owner : list {
    explicit owner(const char *name) { make(name); }
    ~owner() { end(); }
};

// Made before main, or when the object is loaded.
owner early(NAMED("static"));
list function, first_function, handler;

__attribute__((destructor)) void by_function()
{
    function.end();
}

// Of the functions with a priority it is the first to be called at the beginning and the last at the end.
__attribute__((destructor(101))) void by_first_function()
{
    first_function.end();
}

void touch_thread_local()
{
    static thread_local owner local(NAMED("thread-local"));
    (void)local;
}

} // namespace

extern "C" void UNIT()
{
    static owner late(NAMED("static in a function"));
    (void)late;
    function.make(NAMED("destructor"));
    first_function.make(NAMED("destructor 101"));
    handler.make(NAMED("atexit"));
    atexit([] { handler.end(); });
    std::thread(touch_thread_local).join();
    // A plug-in with something of the main thread's stays loaded.
    if (strcmp(STRING(UNIT), "plugin") != 0)
        touch_thread_local();
}

#ifdef MAIN
extern "C" void library();

// "program [PLUGIN [close]]" prints what became of the plug-in.
int main(int count, char **arguments)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    UNIT();
#ifdef LIBRARY
    library();
#endif
    if (count < 2)
        return 0;
    void *plugin = dlopen(arguments[1], RTLD_NOW);
    void *found = plugin == nullptr ? nullptr : dlsym(plugin, "plugin");
    if (found == nullptr) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    void (*function)();
    memcpy(&function, &found, sizeof function);
    function();
    if (count > 2)
        dlclose(plugin);
    puts(dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD) == nullptr ? "unloaded" : "loaded");
    return 0;
}
#endif
