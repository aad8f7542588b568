// What traces/cc1plus-compile.trace recorded: the compiler at work on standard containers and algorithms.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

template <int Corners>
struct Polygon final : Shape {
    double side = 1.0;
    double area() const override { return side * side * Corners / 4; }
};

template <int... Corners>
std::vector<std::unique_ptr<Shape>> shapes()
{
    std::vector<std::unique_ptr<Shape>> all;
    (all.push_back(std::make_unique<Polygon<Corners>>()), ...);
    return all;
}

} // namespace

int main()
{
    std::map<std::string, std::vector<double>> areas;
    for (const auto &shape : shapes<3, 4, 5, 6, 7, 8>())
        areas[std::to_string(static_cast<int>(shape->area() * 4))].push_back(shape->area());
    const std::map<std::string, double (*)(double)> functions{
        {"double", [](double x) { return 2 * x; }},
        {"square", [](double x) { return x * x; }},
    };
    double sum = 0;
    for (auto &[name, list] : areas) {
        std::sort(list.begin(), list.end(), std::greater<>());
        for (const auto &[_, function] : functions)
            sum += function(list.front());
    }
    return sum > 100 ? 1 : 0;
}
