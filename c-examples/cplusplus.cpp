// The header in C++17: a list behind a class that ends it, and blocks that hold objects.
#include <cstdio>
#include <new>
#include <string>
#include <utility>

#include "lookaside.h"

namespace {

struct person {
    std::string name;
    int year;
};

class person_list {
public:
    person_list()
    {
        lookaside_parameters parameters{};
        parameters.struct_size = sizeof parameters;
        parameters.size = sizeof(person);
        parameters.alignment = alignof(person) < 16 ? 16 : alignof(person);
        parameters.name = "people";
        parameters.tag = LOOKASIDE_TAG('P', 'e', 'r', 's');
        parameters.pool_type = LOOKASIDE_POOL_PAGED;
        if (lookaside_list_initialize(&list, &parameters) != LOOKASIDE_STATUS_SUCCESS) {
            throw std::bad_alloc();
        }
    }
    person_list(const person_list &) = delete;
    person_list &operator=(const person_list &) = delete;
    ~person_list() { lookaside_list_delete(&list); }

    person *make(std::string name, int year)
    {
        void *block = lookaside_list_allocate(&list);
        if (block == nullptr) {
            throw std::bad_alloc();
        }
        return new (block) person{std::move(name), year};
    }

    void drop(person *gone)
    {
        gone->~person();
        lookaside_list_free(&list, gone);
    }

private:
    lookaside_list list{};
};

} // namespace

int main()
{
    person_list people;
    person *one = people.make("Konrad", 1910);
    std::printf("%s, %d\n", one->name.c_str(), one->year);
    const void *before = one;
    people.drop(one);
    person *other = people.make("Jean", 1921);
    std::printf("%s, %d, in %s block\n", other->name.c_str(), other->year, other == before ? "the same" : "another");
    people.drop(other);
    return 0;
}
